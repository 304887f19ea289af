"""`python -m bench.load`."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from tests.desk import Desk, refuse
from tests.emitters import Emitters, until

pytestmark = pytest.mark.anyio


async def test_the_command_prints_a_table_and_writes_json(emitters: Emitters, tmp_path: Path) -> None:
    async with Desk().open() as desk:
        status, output, log = await emitters.load(
            *("--url", desk.url, "--connections", "2", "--batch", "7", "--rate", "700", "--seconds", "1.3"),
            *("--json", "out.json"),
        )
    assert status == 0
    summary = json.loads((tmp_path / "out.json").read_text())
    assert summary["readings"] == sum(len(batch) for batch in desk.committed.values())
    assert summary["transport"] == "ws"
    assert summary["latency"]["p99"] > 0
    assert "readings/s, acknowledged" in output
    assert f"{summary['rate']:,.0f}" in output
    assert log.count("readings/s, p50 ") == 1


async def test_the_command_prints_json_alone(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        _, output, _ = await emitters.load("--url", desk.url, "--readings", "5000", "--json", "-")
    assert json.loads(output)["readings"] == 5000


async def test_a_signal_ends_it_with_its_summary(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        process = await emitters.start_load(
            *("--url", desk.url, "--batch", "1", "--rate", "100", "--seconds", "60", "--json", "-")
        )
        await until(lambda: len(desk.committed) > 10)
        process.send_signal(signal.SIGINT)
        status, output, _ = await emitters.finish(process)
    assert status == 0
    assert json.loads(output)["readings"] == len(desk.committed)


async def test_the_command_fails_where_something_was_refused(emitters: Emitters) -> None:
    async def judge(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        await socket.send(refuse(422, frame["id"]))

    async with Desk(judge).open() as desk:
        status, output, log = await emitters.load("--url", desk.url, "--readings", "10")
    assert status == 1
    assert "first refusal" in output
    assert "Error: 10 readings were refused. The first refusal: 422: no" in log


async def test_nothing_to_do_is_said(emitters: Emitters) -> None:
    status, _, log = await emitters.load("--connections", "0")
    assert status == 2
    assert "--connections or --idle must be at least 1" in log
