"""`emitter replay`."""

import asyncio
import io
import signal
from pathlib import Path

import pytest

from emitter.commands.replay import Replay
from emitter.data.cells import Layout
from emitter.data.table import Table
from emitter.errors import BadRow
from emitter.producer.readings import MAX_BATCH_BYTES
from tests.desk import Desk
from tests.emitter.commands.making import batches_of, make_csv
from tests.emitters import Emitters, until


def replay(text: str, size: int = 10, *, strict: bool = False, layout: Layout | None = None) -> Replay:
    return Replay(Table(io.BytesIO(text.encode()), layout or Layout()), size, strict)


def test_replaying_again_makes_the_same_batches() -> None:
    text = make_csv(95)
    first, again = (batches_of(replay(text).parcels()) for _ in range(2))
    assert first == again
    assert len(first) == 9 + 5, "what isn't a whole batch travels row by row"
    other = batches_of(replay(text, layout=Layout(series_name="x")).parcels())
    assert not first.keys() & other.keys()


def test_a_file_that_grew_keeps_its_whole_batches() -> None:
    grown = batches_of(replay(make_csv(120)).parcels())
    assert len(batches_of(replay(make_csv(95)).parcels()).keys() & grown.keys()) == 9


def test_mending_a_row_leaves_the_other_batches_as_they_were() -> None:
    good = make_csv(50)
    broken = good.replace(",17\n", ",seventeen\n")
    reader = replay(broken)
    parcels = list(reader.parcels())
    assert (reader.good, reader.bad) == (49, 1)
    assert sum(parcel.weight for parcel in parcels) == len(broken)
    assert len(batches_of(iter(parcels)).keys() & batches_of(replay(good).parcels()).keys()) == 4


def test_strict_ends_at_the_first_bad_row() -> None:
    parcels = replay(make_csv(50).replace(",17\n", ",seventeen\n"), strict=True).parcels()
    assert next(parcels).whole is not None
    with pytest.raises(BadRow, match="line 19, column fact"):
        next(parcels)


def test_wide_rows_make_smaller_batches() -> None:
    wide = "ts,fact,note\n" + "".join(f"{10**9 + number},1,{'x' * 8000}\n" for number in range(200))
    payloads = list(batches_of(replay(wide, 1000).parcels()).values())
    assert len(payloads) > 5
    assert max(map(len, payloads)) < MAX_BATCH_BYTES + 10_000


@pytest.mark.anyio
async def test_replay_sends_a_file_once(emitters: Emitters, tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text(
        "time;target;made;line;operator\n"
        "01.07.2025 08:00;40;38;press;Eva\n"
        "01.07.2025 08:01;40;many;press;Eva\n"
        "01.07.2025 08:02;40;41;saw;Jo\n"
    )
    layout = ("--ts", "time", "--plan", "target", "--fact", "made", "--series", "line", "--delimiter", ";")
    async with Desk().open() as desk:
        arguments = ("replay", "day.csv", *layout, "--tz", "Europe/Berlin", "--time-format", "%d.%m.%Y %H:%M")
        status, output, log = await emitters.emit(*arguments, "--url", desk.url)
        again = await emitters.emit(*arguments, "--url", desk.url)
    assert status == again[0] == 0
    assert output.startswith("2 readings written, 0 duplicates, 0 refused, 1 bad row left out")
    assert "line 3, column made: 'many' isn't a finite number" in log
    assert again[1].startswith("0 readings written, 2 duplicates")
    assert [reading for readings in desk.committed.values() for reading in readings] == [
        {"ts": "2025-07-01T06:00:00Z", "series": "press", "plan": 40, "fact": 38, "operator": "Eva"},
        {"ts": "2025-07-01T06:02:00Z", "series": "saw", "plan": 40, "fact": 41, "operator": "Jo"},
    ]


@pytest.mark.anyio
async def test_replay_fails_where_nothing_can_be_sent(emitters: Emitters, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("ts,plan\nyesterday,1\n")
    async with Desk().open() as desk:
        status, _, log = await emitters.emit("replay", "other.csv", "--url", desk.url)
    assert status == 1
    assert "Nothing was sent: no row can be read as a reading." in log


@pytest.mark.anyio
async def test_replay_reads_standard_input_at_a_pace(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        process = await emitters.start("replay", "-", "--speed", "10", "--url", desk.url)
        assert process.stdin is not None
        process.stdin.write(b"ts,fact\n1000000100,1\n1000000102,2\n1000000104,3\n")
        await until(lambda: len(desk.committed) == 1)
        began = asyncio.get_running_loop().time()
        process.stdin.close()
        status, output, _ = await emitters.finish(process)
    assert asyncio.get_running_loop().time() - began > 0.35
    assert status == 0
    assert output.startswith("3 readings written")


@pytest.mark.anyio
async def test_replay_can_be_stopped_while_its_input_is_silent(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        process = await emitters.start("replay", "-", "--batch", "1", "--url", desk.url)
        assert process.stdin is not None
        process.stdin.write(b"ts,fact\n1000000100,1\n")
        await until(lambda: desk.committed)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(5):
            assert await process.wait() == 1
        assert process.stderr is not None
        log = (await process.stderr.read()).decode()
    assert "Error: Stopped before the end. The same command again" in log


@pytest.mark.anyio
async def test_strict_sends_what_was_whole_before_the_bad_row(emitters: Emitters, tmp_path: Path) -> None:
    rows = [f"{10**9 + number},{number if number != 25 else 'x'}" for number in range(40)]
    (tmp_path / "day.csv").write_text("\n".join(["ts,fact", *rows]))
    async with Desk().open() as desk:
        status, output, log = await emitters.emit("replay", "day.csv", "--strict", "--batch", "10", "--url", desk.url)
    assert status == 1
    assert output.startswith("20 readings written")
    assert "Error: day.csv, line 27, column fact: 'x' isn't a finite number." in log
    assert len(desk.committed) == 2
