"""Columns are made of the rows of a COPY, with and without attributes, exactly."""

import math
import random
import struct
from datetime import UTC, datetime, timedelta

from service.store.columns import Copied

SINCE = datetime(2000, 1, 1, tzinfo=UTC)
Row = tuple[int, int, int, float, float, bytes | None]


def copied(rows: list[Row]) -> bytes:
    made = [b"PGCOPY\n\xff\r\n\0" + bytes(8)]
    for ts, number, series, plan, fact, attributes in rows:
        made.append(struct.pack("!hiqiqiqidid", 6, 8, ts, 8, number, 8, series, 8, plan, 8, fact))
        made.append(
            struct.pack("!i", -1) if attributes is None else struct.pack("!ib", len(attributes) + 1, 1) + attributes
        )
    return b"".join([*made, b"\xff\xff"])


def some(seed: int, *, with_attributes: bool) -> list[Row]:
    rng = random.Random(seed)
    texts = (None, b"{}", b'{"a": 1}', b"\xff" * 70) if with_attributes else (None,)
    return [
        (
            rng.randrange(-(2**52), 2**57),
            rng.randrange(2**63),
            rng.randrange(-(2**63), 2**63),
            rng.uniform(-1e300, 1e300),
            rng.random(),
            rng.choice(texts),
        )
        for _ in range(500)
    ]


def test_every_value_is_where_it_was() -> None:
    for with_attributes in (False, True):
        rows = some(1, with_attributes=with_attributes)
        read = Copied.read(copied(rows), len(rows))
        columns = read.columns({})
        given = zip(columns.ts, columns.numbers, columns.plan, columns.fact, strict=True)
        assert list(given) == [(ts, series, plan, fact) for ts, _, series, plan, fact, _ in rows]
        assert (columns.attributes or [None] * len(rows)) == [row[-1] for row in rows]
        assert [read.place(0), read.place(-1)] == [rows[0][:2], rows[-1][:2]]
        parts = list(columns.slices(200))
        assert [len(part.ts) for part in parts] == [200, 200, 100]
        assert [ts for part in parts for ts in part.ts] == [row[0] for row in rows]


def test_absent_numbers_are_nan() -> None:
    nan = math.nan
    columns = Copied.read(copied([(0, 1, 2, nan, 3.0, None)]), 1).columns({2: "a"})
    assert math.isnan(columns.plan[0])
    assert columns.series() == ["a"]


def test_times_to_the_microsecond() -> None:
    """In years that can be told by seconds as a float, and later ones."""
    rng = random.Random(2)
    for upto in (2**50, 2**51, 2**52, 2**57):
        times = sorted(rng.randrange(upto) for _ in range(2000))
        rows: list[Row] = [(ts, 1, 2, 0.0, 0.0, None) for ts in times]
        moments = Copied.read(copied(rows), len(rows)).columns({}).moments()
        assert moments == [SINCE + timedelta(microseconds=ts) for ts in times]
