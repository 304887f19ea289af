"""`emitter run`."""

import asyncio
import re
import signal
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from emitter.commands.run import ticks
from tests.desk import Desk
from tests.emitters import Emitters, until


async def count_ticks(interval: float, pause: float) -> int:
    number = 0
    async with asyncio.timeout(0.5):
        async for _ in ticks(interval):
            number += 1
            if number == 4:
                return number
            await asyncio.sleep(pause)
    return 0


def test_ticks_that_were_missed_are_left_out() -> None:
    assert asyncio.run(count_ticks(0.02, 0.05)) == 4


@pytest.mark.anyio
async def test_run_sends_readings_one_by_one(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        status, output, log = await emitters.emit(
            *("run", "--url", desk.url, "--interval", "250ms", "--count", "4", "--series", "a", "--series", "b"),
        )
    assert status == 0
    assert output.startswith("8 readings written, 0 duplicates, 0 refused, 0 dropped, 0 waiting in ")
    assert log.count("acknowledged") == 4
    batches = list(desk.committed.values())
    assert [[reading["series"] for reading in batch] for batch in batches] == [["a", "b"]] * 4
    assert len({batch[0]["ts"] for batch in batches}) == 4


@pytest.mark.anyio
async def test_run_measures_the_cpu(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        await emitters.emit("run", "--source", "cpu", "--interval", "0.1", "--count", "2", EMITTER_URL=desk.url)
    (first,), (second,) = desk.committed.values()
    assert first["series"] == second["series"] == "default"
    assert first["plan"] == first["fact"]
    assert 0 <= second["fact"] <= 100
    assert first["source"] == "cpu"


@pytest.mark.anyio
async def test_a_stopped_run_keeps_what_was_not_acknowledged(emitters: Emitters) -> None:
    async def mute(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        pass

    async with Desk(mute).open() as desk:
        process = await emitters.start(
            "run", "--interval", "0.05", EMITTER_URL=desk.url, EMITTER_GRACE="0.1", EMITTER_WINDOW="3"
        )
        await until(lambda: len(desk.received) == 3)
        process.send_signal(signal.SIGTERM)
        status, output, _ = await emitters.finish(process)
        assert status == 0
        waiting = re.search(r"(\d+) waiting in", output)
        assert waiting is not None
        assert int(waiting[1]) >= 3
        unanswered = dict(zip(desk.received, desk.frames, strict=True))
        desk.script = Desk.accept
        status, output, _ = await emitters.emit("run", "--count", "1", EMITTER_URL=desk.url)
    assert status == 0
    assert len(desk.committed) == int(waiting[1]) + 1
    assert dict(zip(desk.received, desk.frames, strict=True)).items() >= unanswered.items()


@pytest.mark.anyio
async def test_a_killed_run_sends_again_under_the_same_ids(emitters: Emitters) -> None:
    async def lose(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        desk.commit(frame)

    async with Desk(lose).open() as desk:
        process = await emitters.start("run", "--interval", "0.05", EMITTER_URL=desk.url)
        await until(lambda: len(desk.committed) == 5)
        process.kill()
        assert await process.wait() == -signal.SIGKILL
        desk.script = Desk.accept
        _, output, _ = await emitters.emit("run", "--count", "1", EMITTER_URL=desk.url)
    duplicates = re.search(r"(\d+) duplicates", output)
    assert duplicates is not None
    assert int(duplicates[1]) >= 5
    assert len(desk.committed) == len(set(desk.received))


@pytest.mark.anyio
async def test_run_outlives_the_service(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        port = desk.port
        process = await emitters.start("run", "--interval", "0.1", EMITTER_URL=desk.url)
        await until(lambda: desk.committed)
    await asyncio.sleep(0.3)
    async with Desk().open(port) as later:
        await until(lambda: len(later.committed) > 4)
        process.send_signal(signal.SIGINT)
        status, output, log = await emitters.finish(process)
    assert status == 0
    assert "0 waiting" in output
    assert "the service is going away" in log
    assert "Connection refused" in log
    assert log.count("connected") == 2


@pytest.mark.anyio
async def test_run_drops_with_a_warning_when_its_spool_is_full(emitters: Emitters) -> None:
    series = [part for number in range(600) for part in ("--series", f"{number:0>199}")]
    process = await emitters.start(
        *("run", "--interval", "0.02", *series),
        EMITTER_URL="ws://127.0.0.1:9/",
        EMITTER_SPOOL_MAX_BYTES="300000",
    )
    assert process.stderr is not None
    async with asyncio.timeout(10):
        while b"reading dropped" not in (line := await process.stderr.readline()):
            assert line
    process.send_signal(signal.SIGTERM)
    status, output, _ = await emitters.finish(process)
    assert status == 0
    assert re.search(r" [1-9][\d,]* dropped, 600 waiting", output)


@pytest.mark.anyio
async def test_run_ends_with_whoever_holds_its_input(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        process = await emitters.start("run", "--stdin-lifeline", EMITTER_URL=desk.url)
        await until(lambda: desk.committed)
        assert process.stdin is not None
        process.stdin.close()
        status, output, _ = await emitters.finish(process)
    assert status == 0
    assert output.startswith("1 reading written")


@pytest.mark.anyio
async def test_two_runs_cannot_share_a_spool(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        process = await emitters.start("run", EMITTER_URL=desk.url)
        await until(lambda: desk.committed)
        status, _, log = await emitters.emit("run", EMITTER_URL=desk.url)
        process.send_signal(signal.SIGTERM)
        await emitters.finish(process)
    assert status == 1
    assert f"in use by process {process.pid}" in log


@pytest.mark.anyio
async def test_a_producer_nobody_wants_ends_with_a_status_of_its_own(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        desk.handshakes = [(403, {}, b"")]
        status, output, log = await emitters.emit("run", EMITTER_URL=desk.url)
    assert status == 77
    assert "refused the connection: HTTP 403 Forbidden. Are the address and EMITTER_TOKEN right?" in log
    assert "1 waiting" in output
