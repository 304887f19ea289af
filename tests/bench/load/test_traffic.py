"""Loads over WebSocket, against a small server that follows the protocol and misbehaves on demand."""

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from bench.load.supply import Load
from bench.load.traffic import Course
from emitter.errors import NotFinished
from emitter.producer import Rejected, Unreachable
from tests.bench.load.putting import put
from tests.desk import Desk, refuse

pytestmark = pytest.mark.anyio


async def test_every_reading_is_sent_once_and_acknowledged() -> None:
    async with Desk().open() as desk:
        summary = await put(desk.url, Load(batch=10, series=3, readings=1005))
    readings = [reading for batch in desk.committed.values() for reading in batch]
    assert len(readings) == summary.readings == 1005
    assert len(desk.received) == len(desk.committed) == summary.batches == 101
    assert {reading["series"] for reading in readings} == {"bench 0", "bench 1", "bench 2"}
    assert all(set(reading) == {"ts", "series", "plan", "fact"} for reading in readings)
    assert (summary.duplicates, summary.refused, summary.unanswered, summary.retries) == (0, 0, 0, 0)
    assert summary.sent_bytes > sum(map(len, desk.frames))
    assert 0 < summary.latency.p50 <= summary.latency.p90 <= summary.latency.p99 <= summary.latency.max
    assert summary.rate == pytest.approx(1005 / summary.seconds, rel=0.2)


async def test_the_window_is_kept_on_every_connection() -> None:
    held: list[tuple[ServerConnection, dict[str, Any]]] = []
    most = 0

    async def hold(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        nonlocal most
        held.append((socket, frame))
        most = max(most, len(held))
        if len(held) == 6:
            await asyncio.sleep(0.05)
            for one, each in held:
                await desk.accept(one, each)
            held.clear()

    async with Desk(hold).open() as desk:
        await put(desk.url, Load(batch=1, readings=60), Course(connections=2), window=3)
    assert most == 6


async def test_a_rate_is_kept_and_spread_over_the_connections() -> None:
    used: dict[ServerConnection, int] = {}

    async def note(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        used[socket] = used.get(socket, 0) + 1
        await desk.accept(socket, frame)

    async with Desk(note).open() as desk:
        summary = await put(desk.url, Load(batch=5, rate=500), Course(connections=4, seconds=1))
    assert 400 <= summary.readings <= 510
    assert min(used.values()) >= 10  # of 25 each, on a machine that has other work as well


async def test_what_was_not_answered_is_sent_again_on_a_new_connection() -> None:
    async def cut(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        answer = desk.commit(frame)
        if len(desk.received) in (3, 11):
            socket.transport.abort()  # the batch is committed, but the answer is lost
        else:
            await socket.send(json.dumps(answer))

    async with Desk(cut).open() as desk:
        summary = await put(desk.url, Load(batch=1, readings=40), Course(connections=1))
    assert len(desk.committed) == summary.readings == 40
    assert summary.duplicates >= 2
    assert summary.retries >= 2


@pytest.mark.parametrize("status", [429, 503])
async def test_not_now_is_sent_again_after_a_pause(status: int) -> None:
    async def later(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        if desk.received.count(frame["id"]) == 1 and len(desk.committed) == 5:
            await socket.send(refuse(status, frame["id"], retry_after=0.05))
        else:
            await desk.accept(socket, frame)

    async with Desk(later).open() as desk:
        summary = await put(desk.url, Load(batch=1, readings=20), Course(connections=1))
    assert len(desk.committed) == summary.readings == 20
    assert summary.retries > 0
    assert summary.refused == 0


async def test_what_is_refused_is_counted_with_its_reason() -> None:
    async def judge(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        if len(desk.received) % 2:
            await socket.send(refuse(422, frame["id"]))
        else:
            await desk.accept(socket, frame)

    async with Desk(judge).open() as desk:
        summary = await put(desk.url, Load(batch=2, readings=20), Course(connections=1))
    assert (summary.readings, summary.refused, summary.unanswered) == (10, 10, 0)
    assert summary.refusal == "422: no"


async def test_answers_that_do_not_come_are_missed() -> None:
    async def mute(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        pass

    async with Desk(mute).open() as desk:
        with pytest.raises(NotFinished, match=r"4 readings were not answered within 0\.3 s"):
            await put(desk.url, Load(batch=1, readings=4), ack_timeout=0.3)


async def test_idle_connections_send_now_and_then() -> None:
    used: dict[ServerConnection, int] = {}

    async def note(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        used[socket] = used.get(socket, 0) + 1
        await desk.accept(socket, frame)

    async with Desk(note).open() as desk:
        summary = await put(desk.url, Load(), Course(connections=0, idle=50, every=0.5, seconds=1.25))
    assert len(used) == 50
    assert set(used.values()) == {2, 3}
    assert 120 <= summary.readings <= 126
    assert summary.unanswered == 0


async def test_nobody_there_is_said_in_a_sentence() -> None:
    with pytest.raises(Unreachable, match=r"ws://127\.0\.0\.1:9/ has taken nothing for 0\.2 s: Connection refused"):
        await put("ws://127.0.0.1:9/", Load(), patience=0.2)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_service_that_will_not_have_us_ends_it(status: int) -> None:
    async with Desk().open() as desk:
        desk.handshakes = [(status, {}, b"")] * 9
        with pytest.raises(Rejected, match=f"HTTP {status}"):
            await put(desk.url, Load(), token="secret")
    assert desk.headers[0]["Authorization"] == "Bearer secret"


async def test_a_frame_that_is_too_large_is_said_so() -> None:
    async with Desk().open(max_size=1000) as desk:
        with pytest.raises(Rejected, match="make --batch smaller"):
            await put(desk.url, Load(batch=100, readings=100))
