"""Readings that stand for a span of time: in every format, exact in any order, and one item for whoever sends them."""

import json
import math
import random
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from service.errors import BadReading, BadRequest, TooLarge
from service.intake.batch import Packed
from service.intake.formats.csv_table import add_table
from service.intake.formats.frames import read_json, read_msgpack
from service.intake.formats.line_protocol import LineReader
from service.intake.formats.ndjson import add_lines
from service.intake.packer import Packer
from service.intake.reading import Rules, now_microseconds
from service.intake.spreads import PIECE, Parts, pieces
from service.intake.timestamps import MINUTE
from service.intake.turns import at_once
from tests.batches import RULES, rows_of
from tests.examples import examples
from tests.harness import Running, ask

NOW = now_microseconds()
MIDNIGHT = datetime(2026, 1, 15, tzinfo=UTC)
START = "2026-01-15T08:00:00Z"


def of_json(*items: object, batch_id: str | None = None, rules: Rules = RULES) -> Packed:
    return at_once(read_json(json.dumps(items), rules, NOW, batch_id))


def in_lines(add: Any) -> Callable[[bytes], Packed]:
    def read(text: bytes) -> Packed:
        packer = Packer(RULES, NOW, "x")
        at_once(add(text, packer))
        return packer.finish()

    return read


def of_line_protocol(text: bytes, unit: int = 1) -> Packed:
    reader = LineReader(Packer(RULES, NOW, "x"), unit)
    at_once(reader.feed(text))
    return at_once(reader.finish())[0]


READING = {"ts": START, "series": "a", "plan": 480, "for": "8h"}
EVERYWHERE: dict[str, Callable[[], Packed]] = {
    "json": lambda: of_json(READING, batch_id="x"),
    "one": lambda: at_once(read_json(json.dumps(READING), RULES, NOW, "x")),
    "envelope": lambda: at_once(read_json(json.dumps({"id": "x", "readings": [READING]}), RULES, NOW)),
    "messagepack": lambda: at_once(
        read_msgpack(msgspec.msgpack.encode({"id": "x", "readings": [READING]}), RULES, NOW)
    ),
    "ndjson": lambda: in_lines(add_lines)(json.dumps(READING).encode()),
    "csv": lambda: in_lines(add_table)(f"ts,series,plan,for\n{START},a,480,PT8H\n".encode()),
    "csv, in seconds": lambda: in_lines(add_table)(f"ts,series,plan,for\n{START},a,480,28800\n".encode()),
    "a field": lambda: of_line_protocol(b'a plan=480,for="8h" 1700000040000000000'),
    "a number": lambda: of_line_protocol(b"a plan=480,for=28800i 1700000040000000000"),
    "a tag": lambda: of_line_protocol(b"a,for=480m plan=480 1700000040000000000"),
}


@pytest.mark.parametrize("form", EVERYWHERE)
def test_a_plan_is_spread_over_its_minutes_in_every_format(form: str) -> None:
    packed = EVERYWHERE[form]()
    assert (packed.items, packed.count, packed.rows) == (1, 480, b"")
    rows = rows_of(packed)
    first = rows[0].ts
    assert [(row.ts, row.series, row.plan, row.fact, row.attributes) for row in rows] == [
        (first + number * MINUTE, "a", 1.0, None, None) for number in range(480)
    ]
    assert packed.oldest == first
    assert packed.first_and_last() == (first // MINUTE, first // MINUTE + 479)
    if form not in ("a field", "a number", "a tag"):
        assert packed.digest == of_json(READING, batch_id="x").digest


def test_lines_with_a_tag_take_no_fast_way() -> None:
    packed = of_line_protocol(
        b"a,for=2m plan=4,fact=2 1700000040000000000\na,for=3m plan=3,fact=3 1700000040000000000\n"
    )
    assert [(row.plan, row.fact) for row in rows_of(packed)] == [(2, 1), (2, 1), (1, 1), (1, 1), (1, 1)]


NUMBERS = st.floats(-1e290, 1e290) | st.integers(-(10**9), 10**9).map(float)


@examples(3)
@given(number=NUMBERS, count=st.integers(1, 44_640) | st.integers(1, 100), seed=st.integers(0, 100))
@example(number=5e-324, count=7, seed=0)
@example(number=-0.0, count=3, seed=0)
@example(number=1e290, count=44_640, seed=1)
def test_the_parts_add_up_exactly_in_any_order(number: float, count: int, seed: int) -> None:
    row = {"ts": START, "plan": number, "fact": -number, "for": 60 * count}
    rules = Rules(RULES.min_ts, timedelta(days=1000))
    rows = rows_of(at_once(read_json(json.dumps(row), rules, NOW)))
    assert len(rows) == count
    for parts in ([row.plan or 0.0 for row in rows], [row.fact or 0.0 for row in rows]):
        wanted = number if parts[0] == rows[0].plan or 0.0 else -number
        random.Random(seed).shuffle(parts)
        halves = sum(parts[: count // 2]) + sum(parts[count // 2 :])
        assert abs(sum(parts)) == abs(halves) == abs(wanted) == abs(math.fsum(parts))
        assert max(parts) - min(parts) <= max(math.ulp(number), 5e-324, 2.0**-22 * abs(number) / count)


def test_what_is_even_is_even() -> None:
    assert Parts.of(600.0, 60).values[0] == 10
    assert Parts.of(None, 60).values == (None, None)


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        ({"plan": 1, "for": "soon"}, "must be a duration like"),
        ({"plan": 1, "for": "x" * 5000}, "must be a duration like"),
        ({"plan": 1, "for": True}, "must be a duration like"),
        ({"plan": 1, "for": ["1h"]}, "must be a duration like"),
        ({"plan": 1, "for": math.nan}, "must be a duration like"),
        ({"plan": 1, "for": ""}, "must be a duration like"),
        ({"plan": 1, "for": "90s"}, "must be whole minutes, at least one, not '90s'"),
        ({"plan": 1, "for": 61}, "must be whole minutes"),
        ({"plan": 1, "for": 0}, "must be whole minutes, at least one"),
        ({"plan": 1, "for": -(10**400)}, "must be whole minutes"),
        ({"plan": 1, "for": "31d1m"}, "is longer than 31 days"),
        ({"plan": 1, "for": 10**400}, "is longer than 31 days"),
        ({"plan": 1, "for": "9" * 99}, "is longer than 31 days"),
        ({"for": "1h"}, "there is nothing to spread"),
        ({"note": "why", "for": "1h"}, "there is nothing to spread"),
        (
            {"fact": 1, "for": "25h"},
            "its last minute is too far ahead of the server's clock; the latest allowed with",
        ),
        ({"plan": 1, "for": "2d", "ahead": 399}, "its last minute is too far ahead"),
    ],
)
def test_what_is_no_span(reading: dict[str, Any], words: str) -> None:
    ahead = reading.pop("ahead", None)
    if ahead is not None:
        reading["ts"] = NOW / 1e6 + ahead * 86400
    with pytest.raises(BadReading) as caught:
        of_json({"plan": 1}, reading)
    assert [(fault.index, fault.field) for fault in caught.value.faults] == [(1, "for")]
    assert words in caught.value.detail


def test_attributes_belong_to_the_first_minute() -> None:
    rows = rows_of(of_json({"ts": START, "plan": 3, "fact": 6, "for": "3m", "note": "a trial", "order": 7}))
    assert [(row.plan, row.fact) for row in rows] == [(1, 2)] * 3
    assert [row.attributes for row in rows] == [b'{"note":"a trial","order":7}', None, None]


def test_without_a_time_it_begins_now() -> None:
    packed = of_json({"plan": 2, "for": "2m"}, batch_id="x")
    assert [row.ts for row in rows_of(packed)] == [NOW, NOW + MINUTE]
    later = at_once(read_json('[{"for": 120, "plan": 2.0}]', RULES, NOW + 5_000_000, "x"))
    assert later.digest == packed.digest


def test_the_digest_tells_spans_apart() -> None:
    forms: list[dict[str, object]] = [{}, {"for": "1m"}, {"for": "1h"}, {"for": "2h"}]
    digests = {of_json({"ts": START, "plan": 1, **form}, batch_id="x").digest for form in forms}
    assert len(digests) == len(forms)


def breaks(start: datetime, end: datetime) -> Sequence[tuple[datetime, datetime]]:
    """A quarter of an hour at ten, and the whole night."""
    assert start.tzinfo is UTC
    assert start < end
    found: list[tuple[datetime, datetime]] = []
    day = start.replace(hour=0, minute=0, second=0, microsecond=0)
    while day < end:
        found += [
            (day + timedelta(hours=22), day + timedelta(hours=30)),
            (day + timedelta(hours=10), day + timedelta(hours=10, minutes=15)),
        ]
        day += timedelta(days=1)
    return [one for one in found if one[0] < end and one[1] > start]


WITH_BREAKS = msgspec.structs.replace(RULES, breaks=breaks)


def test_minutes_in_breaks_are_left_out() -> None:
    packed = of_json({"ts": "2026-01-15T09:55:30Z", "plan": 15, "for": "30m"}, rules=WITH_BREAKS)
    rows = rows_of(packed)
    minutes = [*range(5), *range(20, 30)]  # at 10:00:30 the break has begun, at 10:15:30 it is over
    begin = round((MIDNIGHT + timedelta(hours=9, minutes=55, seconds=30)).timestamp()) * 10**6
    assert [(row.ts, row.plan) for row in rows] == [(begin + minute * MINUTE, 1.0) for minute in minutes]
    assert (packed.count, packed.items) == (15, 1)
    assert packed.minutes_until(begin // MINUTE + 21) == {begin // MINUTE + minute for minute in minutes[:7]}
    assert packed.minute_from(begin // MINUTE + 5) == begin // MINUTE + 20
    night = of_json({"ts": "2026-01-15T21:59:00Z", "plan": 10, "for": "10h", "a": 1}, rules=WITH_BREAKS)
    assert [row.plan for row in rows_of(night)][:3] == pytest.approx([10 / 120] * 3)
    assert packed.days() == {begin // MINUTE // 1440}


def test_a_span_of_breaks_alone_is_refused() -> None:
    with pytest.raises(BadReading) as caught:
        of_json({"ts": "2026-01-15T22:30:00Z", "plan": 10, "for": "7h"}, rules=WITH_BREAKS)
    fault = caught.value.faults[0]
    assert (fault.field, fault.detail) == ("for", "has no minute outside of the breaks")


def test_breaks_do_not_change_the_digest() -> None:
    item = {"ts": "2026-01-15T09:55:00Z", "plan": 15, "for": "30m"}
    assert of_json(item, batch_id="x").digest == of_json(item, batch_id="x", rules=WITH_BREAKS).digest


def test_a_batch_has_as_many_readings_as_are_stored() -> None:
    hour = {"ts": START, "plan": 60, "for": "1h"}
    few = msgspec.structs.replace(RULES, max_readings=150)
    assert of_json(hour, {"plan": 1}, hour, rules=few).items == 3
    with pytest.raises(TooLarge) as caught:
        of_json(*[hour] * 3, rules=few)
    assert caught.value.detail == (
        "Item 2 (counted from 0) stands for 60 readings; with the items before it, a batch would have more than 150: "
        "send 2 at once."
    )
    with pytest.raises(TooLarge, match="divide it into items with a shorter `for`"):
        of_json({"ts": START, "plan": 1, "for": "3h"}, rules=few)
    with pytest.raises(TooLarge):
        of_json(hour, hour, *[{"plan": 1}] * 31, rules=few)


def test_faults_count_as_one() -> None:
    text = json.dumps([{"plan": 60, "for": "1h"}, {"plan": 1, "for": "90s"}, 7])
    packed = at_once(read_json(text, RULES, NOW, partial=True))
    assert (packed.items, packed.count, packed.refused) == (1, 60, 2)


def test_a_span_takes_no_memory_and_no_turn() -> None:
    """However much it stands for: its rows are made in pieces, each within a turn, while they are written."""
    item = {"ts": START, "series": "Ж" * 200, "plan": 1, "fact": 1, "for": "31d"}
    rules = msgspec.structs.replace(RULES, max_clock_skew=timedelta(days=1000))
    packed = of_json(*[item] * 4, rules=rules)
    assert (packed.count, len(packed.spreads.minutes)) == (4 * 44_640, 1)
    assert packed.size < 10_000
    sizes = [len(piece) for piece in pieces(packed.spreads.items)]
    assert sum(sizes) > 60_000_000
    assert max(sizes) <= PIECE * (sum(sizes) / packed.count + 1)


@pytest.mark.anyio
async def test_a_shift_as_one_item(shared: Running, name: str) -> None:
    """One item for whoever sends it, a reading a minute for whoever reads."""
    item = {"ts": "2026-01-15T08:00:00Z", "series": name, "plan": 100, "for": "8h", "order": 7}
    answer = await shared.http.post("/readings", json=[item], headers={"Idempotency-Key": name})
    assert answer.json() == {"written": 1, "duplicate": False}
    again = await shared.http.post("/readings", json=[item], headers={"Idempotency-Key": name})
    assert again.json() == {"written": 0, "duplicate": True}
    other = await shared.http.post("/readings", json=[item | {"for": "4h"}], headers={"Idempotency-Key": name})
    assert other.status_code == 422
    page = (await shared.http.get("/display", params={"series": name, "order": "asc"})).json()
    assert page["total"] == 480
    assert [one["attributes"] for one in page["items"][:2]] == [{"order": 7}, None]
    day = {"from": "2026-01-15T00:00Z", "until": "2026-01-16T00:00Z", "series": name, "format": "json"}
    for step, bars in (("1h", 8), ("1d", 1)):
        chart = (await shared.http.get("/chart", params={**day, "step": step})).json()
        assert len(chart["buckets"]) == bars
        assert sum(bar["readings"] for bar in chart["buckets"]) == 480
    assert chart["buckets"][0]["plan"] == 100


@pytest.mark.anyio
async def test_a_plan_for_a_year_ahead(shared: Running, name: str) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    starts = [(now + timedelta(days=day)).isoformat() for day in range(399)]
    days = [{"ts": start, "series": name, "plan": 60, "for": "1h"} for start in starts]
    async with connect(shared.ws) as socket:
        assert await ask(socket, {"id": name, "readings": days}) == {"ack": name, "written": 399}
        refused = await ask(socket, {"id": f"{name} 2", "readings": [{"ts": starts[9], "fact": 1}]})
    assert [fault["field"] for fault in refused["error"]["errors"]] == ["ts"]
    for until, hours in ((starts[30], 30), (None, 399)):
        page = await shared.http.get("/display", params={"series": name} | ({"until": until} if until else {}))
        assert page.json()["total"] == 60 * hours


def test_a_cell_is_named() -> None:
    with pytest.raises(BadReading) as caught:
        in_lines(add_table)(b"ts,series,plan,for\n,,1,\n,,1,1h\n,,,1h\n")
    assert [(fault.index, fault.field) for fault in caught.value.faults] == [(2, "for")]
    with pytest.raises(BadRequest, match="names none of plan, fact"):
        in_lines(add_table)(b"ts,series,for\n")


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=50), st.integers(2, 600))
def test_the_parts_of_several_whole_numbers_add_up_exactly(numbers: list[int], count: int) -> None:
    rows = [{"ts": START, "plan": number, "for": 60 * count} for number in numbers]
    packed = at_once(read_json(json.dumps(rows), Rules(RULES.min_ts, timedelta(days=1000)), NOW))
    total = 0.0
    for row in rows_of(packed):
        total += row.plan or 0.0
    assert total == sum(numbers)
