"""Makes batches as they are handed to the store, and reads their rows."""

import struct
from datetime import UTC, datetime, timedelta

import msgspec

from service.intake.batch import Packed
from service.intake.copy_rows import SINCE_1970
from service.intake.packer import Packer
from service.intake.reading import Reading, Rules, now_microseconds
from service.intake.spreads import pieces

RULES = Rules(datetime(1970, 1, 1, tzinfo=UTC), timedelta(days=1))
FEW = Rules(datetime(1970, 1, 1, tzinfo=UTC), timedelta(days=1), 3)
"""The same rules with at most three readings in a batch."""


def packed(batch_id: str | None, *readings: Reading) -> Packed:
    packer = Packer(RULES, now_microseconds(), batch_id)
    assert packer.add_all(readings)
    return packer.finish()


def reading(
    plan: float | None = 1, fact: float | None = 2, *, ts: int | None = None, attributes: bytes | None = None
) -> Reading:
    return Reading(ts, "s", plan, fact, attributes)


def one_of_each(*series: str) -> list[Reading]:
    """A reading of each of these series."""
    return [Reading(None, name, 1, 1, None) for name in series]


def broken() -> Packed:
    """A batch whose rows aren't what the database expects."""
    return Packed(None, None, 1, b"\x00\x01\xff\xff\xff\xff", frozenset(), frozenset(), 0)


class Row(msgspec.Struct):
    """A row of COPY, decoded."""

    ts: int
    series: str
    plan: float | None
    fact: float | None
    attributes: bytes | None


def rows_of(packed: Packed) -> list[Row]:
    """The rows that a batch would write."""
    data, at, found = packed.rows + b"".join(pieces(packed.spreads.items)), 0, []
    while at < len(data):
        cells: list[bytes | None] = []
        (columns,), at = struct.unpack_from("!h", data, at), at + 2
        for _ in range(columns):
            (length,), at = struct.unpack_from("!i", data, at), at + 4
            cells.append(None if length < 0 else data[at : at + length])
            at += max(length, 0)
        ts, series, plan, fact, attributes = cells
        assert ts is not None
        assert series is not None
        micros = struct.unpack("!q", ts)[0] + SINCE_1970
        rest = None if attributes is None else attributes[1:]
        found.append(Row(micros, series.decode(), _number(plan), _number(fact), rest))
    return found


def _number(cell: bytes | None) -> float | None:
    return None if cell is None else float(struct.unpack("!d", cell)[0])
