"""`emitter fill`."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.asyncio.server import ServerConnection

from emitter.commands.fill import Span, fill
from emitter.data.profiles import HOUR, MINUTE
from emitter.data.times import to_milliseconds
from tests.desk import Desk, refuse
from tests.emitter.commands.making import batches_of
from tests.emitters import Emitters

WEDNESDAY = to_milliseconds(datetime(2026, 3, 18, tzinfo=UTC))


def test_filling_again_makes_the_same_batches() -> None:
    span = Span(WEDNESDAY, WEDNESDAY + 4 * HOUR, 10_000)
    first, again = (batches_of(fill(span, ["a", "b", "a"], 5, 100)) for _ in range(2))
    assert first == again
    assert len(first) >= 2 * 4 * 360 // 100
    assert not first.keys() & batches_of(fill(span, ["a", "b"], 6, 100)).keys()


@settings(max_examples=30, deadline=None)
@given(*([st.integers(0, 40)] * 4), st.sampled_from([2_000, 7_000, 10_000, 90_000]), st.sampled_from([3, 100, 1000]))
def test_spans_that_overlap_share_their_parcels_and_pieces(
    start: int, end: int, other_start: int, other_end: int, every: int, size: int
) -> None:
    """A reading is always in the same parcel and piece, whatever else is filled with it."""

    def places(start: int, end: int) -> dict[str, tuple[str, str]]:
        span = Span(WEDNESDAY + start * MINUTE, WEDNESDAY + end * MINUTE, every)
        return {
            reading["ts"]: (parcel.id, piece.id)
            for parcel in fill(span, ["a"], 5, size)
            for piece in parcel.pieces()
            for reading in json.loads(piece.payload)["readings"]
        }

    first, other = places(start, end), places(other_start, other_end)
    assert all(first[ts] == other[ts] for ts in first.keys() & other.keys())


@pytest.mark.parametrize(("start", "end", "instants"), [(0, 100, 10), (1, 100, 9), (0, 101, 11), (5, 6, 0), (9, 3, 0)])
def test_a_span_counts_its_instants(start: int, end: int, instants: int) -> None:
    span = Span(start, end, 10)
    assert len(span) == instants
    if instants:
        assert sum(len(part) for part in span.slices(30)) == instants


FILL = ("fill", "--from", "2026-01-01T08:00:00Z", "--until", "2026-01-01T10:00:00Z", "--every", "10s", "--seed", "4")


@pytest.mark.anyio
async def test_filling_twice_writes_once(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        arguments = (*FILL, "--series", "a", "--series", "b", "--batch", "100", "--url", desk.url)
        status, output, log = await emitters.emit(*arguments)
        written = {(r["series"], r["ts"]) for batch in desk.committed.values() for r in batch}
        again = await emitters.emit(*arguments)
    assert status == again[0] == 0
    assert "Filling a, b from 2026-01-01T08:00:00Z until 2026-01-01T10:00:00Z" in log
    assert output.startswith(f"{len(written):,} readings written, 0 duplicates, 0 refused")
    assert again[1].startswith(f"0 readings written, {len(written):,} duplicates, 0 refused")
    assert {series for series, _ in written} == {"a", "b"}
    assert max(len(batch) for batch in desk.committed.values()) <= 100


@pytest.mark.anyio
async def test_fill_gives_up_in_a_sentence(emitters: Emitters) -> None:
    status, output, log = await emitters.emit(*FILL, "--url", "ws://127.0.0.1:9/", "--wait", "0.3")
    assert status == 1
    assert output == ""
    assert log.endswith("Error: ws://127.0.0.1:9/ has taken nothing for 0.3 s: Connection refused.\n")


@pytest.mark.anyio
async def test_fill_says_what_was_refused(emitters: Emitters) -> None:
    async def judge(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        await socket.send(refuse(422, frame["id"]))

    async with Desk(judge).open() as desk:
        status, output, log = await emitters.emit(*FILL, "--url", desk.url)
    assert status == 1
    assert output.startswith("0 readings written, 0 duplicates, ")
    assert "readings were refused. The first refusal: 422: no" in log
