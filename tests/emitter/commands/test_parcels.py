"""Whatever part of their readings fill and replay send again, the service stores each reading once."""

import asyncio
import csv
import io
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path

import pytest

from emitter.commands.fill import Span, fill
from emitter.commands.parcels import Carrier, Parcel
from emitter.commands.replay import Replay
from emitter.data.cells import Layout
from emitter.data.profiles import MINUTE, Profile
from emitter.data.table import Table
from emitter.producer.answers import Tally
from emitter.producer.link import Link
from tests.harness import Running

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
MORNING = 1_750_000_020_000 // MINUTE * MINUTE


async def send(service: Running, parcels: Iterator[Parcel]) -> Tally:
    carrier = Carrier(Link(url=service.ws, window=100))
    async with carrier.producer as producer:
        for parcel in parcels:
            await carrier.carry(parcel)
    return producer.tally


async def stored(service: Running, series: str) -> list[tuple[str, float]]:
    """The time and the fact of every reading, in order."""
    answer = await service.http.get("/readings", params={"series": series, "format": "csv"})
    return [(row["ts"], float(row["fact"])) for row in csv.DictReader(io.StringIO(answer.text))]


async def emit(service: Running, folder: Path, *arguments: str) -> tuple[str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "emitter", *arguments, "--url", service.url),
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        stdout=PIPE,
        stderr=PIPE,
    )
    output, log = await process.communicate()
    return output.decode(), log.decode()


# Fill


@pytest.mark.parametrize(
    "spans",
    [
        [(0, 240), (0, 240)],
        [(0, 100), (1, 101), (2, 160)],
        [(30, 90), (0, 240), (13, 77)],
        [(0, 240), (30, 90), (200, 300)],
        [(10, 11), (11, 12), (0, 60), (60, 61)],
    ],
    ids=["again", "moments later", "wider", "narrower", "minute by minute"],
)
async def test_ranges_that_overlap_are_filled_once(shared: Running, name: str, spans: list[tuple[int, int]]) -> None:
    for start, end in spans:
        span = Span(MORNING + start * MINUTE, MORNING + end * MINUTE, 20_000)
        await send(shared, fill(span, [name], 1, 180))
    minutes = {minute for start, end in spans for minute in range(start, end)}
    profile = Profile(1, name)
    wanted = [
        reading
        for minute in sorted(minutes)
        for reading in profile.between(MORNING + minute * MINUTE, MORNING + (minute + 1) * MINUTE, 20_000)
    ]
    assert [fact for _, fact in await stored(shared, name)] == [reading.fact for reading in wanted]


async def test_a_command_with_relative_times_fills_once(shared: Running, name: str, tmp_path: Path) -> None:
    command = ("fill", "--from", "-20m", "--every", "1s", "--series", name)
    output, log = await emit(shared, tmp_path, *command)
    assert "0 duplicates" in output, log
    await asyncio.sleep(1)  # so that "now" is another second
    output, log = await emit(shared, tmp_path, *command)
    assert " 0 duplicates" not in output, log
    times = [ts for ts, _ in await stored(shared, name)]
    assert times
    assert len(times) == len(set(times))


# Replay


def rows(name: str, count: int, **changed: str) -> str:
    facts = {f"row{number}": f"{number}" for number in range(count)} | changed
    lines = [f"2025-07-01T08:{number:02}:00Z,{name},{facts[f'row{number}']}" for number in range(count)]
    return "\n".join(["ts,series,fact", *lines])


async def replay(service: Running, text: str) -> Tally:
    return await send(service, Replay(Table(io.BytesIO(text.encode()), Layout()), 10, strict=False).parcels())


@pytest.mark.parametrize(
    "counts",
    [[25, 25], [25, 26, 38, 40], [9, 10, 11], [30, 35, 30], [35, 25]],
    ids=lambda counts: "-".join(map(str, counts)),
)
async def test_a_file_that_grows_is_written_once(shared: Running, name: str, counts: list[int]) -> None:
    for count in counts:
        tally = await replay(shared, rows(name, count) + "\n" * (count % 2))
        assert (tally.written + tally.duplicates, tally.refused) == (count, 0)
    assert [fact for _, fact in await stored(shared, name)] == list(range(max(counts)))


async def test_a_row_that_was_mended_is_written_alone(shared: Running, name: str) -> None:
    assert (await replay(shared, rows(name, 30, row14="many"))).written == 29
    tally = await replay(shared, rows(name, 33))
    assert (tally.written, tally.duplicates) == (4, 29)
    assert len(await stored(shared, name)) == 33


async def test_rows_that_are_alike_are_all_written(shared: Running, name: str) -> None:
    row = f"2025-07-01T08:00:00Z,{name},7\n"
    for _ in range(2):
        await replay(shared, "ts,series,fact\n" + 14 * row)
    assert len(await stored(shared, name)) == 14


async def test_a_batch_whose_rows_were_changed_is_refused(shared: Running, name: str) -> None:
    await replay(shared, rows(name, 30))
    tally = await replay(shared, rows(name, 30, row14="99"))
    assert (tally.written, tally.duplicates, tally.refused) == (0, 20, 10)
    assert len(await stored(shared, name)) == 30


async def test_what_was_cut_short_is_completed(shared: Running, name: str) -> None:
    [parcel] = Replay(Table(io.BytesIO(rows(name, 8).encode()), Layout()), 10, strict=False).parcels()
    first = [piece for number, piece in enumerate(parcel.pieces()) if number % 3 == 0]
    await send(shared, iter([Parcel(id=parcel.id, weight=1, readings=3, pieces=lambda: first)]))
    tally = await replay(shared, rows(name, 20))
    assert (tally.written, tally.duplicates) == (17, 3)


async def test_replaying_a_file_that_grew_by_command(shared: Running, name: str, tmp_path: Path) -> None:
    for count in (5, 8):
        (tmp_path / "day.csv").write_text(rows(name, count))
        output, log = await emit(shared, tmp_path, "replay", "day.csv")
    assert output.startswith("3 readings written, 5 duplicates, 0 refused, 0 bad rows left out"), log
    assert len(await stored(shared, name)) == 8
