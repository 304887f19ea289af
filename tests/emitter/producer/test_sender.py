"""The sender, against a small server that follows the protocol and misbehaves on demand."""

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from emitter.producer.answers import Duplicate, Refused, Written
from tests.desk import Desk, make_batches, refuse
from tests.emitter.producer.sending import Sending

pytestmark = pytest.mark.anyio


async def test_batches_arrive_in_order_and_leave_the_spool() -> None:
    batches = make_batches(50)
    async with Desk().open() as desk:
        sending = Sending(desk)
        await sending.send(batches)
    assert desk.received == [batch.id for batch in batches]
    assert desk.frames == [batch.payload.decode() for batch in batches]
    assert sending.waiting == 0
    assert sending.tally.written == 50
    assert sending.answers[:2] == [("b0", Written("b0", 1)), ("b1", Written("b1", 1))]


async def test_no_more_than_the_window_is_in_flight() -> None:
    release = asyncio.Event()
    most = 0

    async def hold(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        nonlocal most
        most = max(most, len(desk.received) - len(desk.committed))
        if len(desk.received) == 4:
            asyncio.get_running_loop().call_later(0.1, release.set)
        if len(desk.received) < 4:
            held.append(frame)
            return
        await release.wait()
        for each in (*held, frame):
            await desk.accept(socket, each)
        held.clear()

    held: list[dict[str, Any]] = []
    async with Desk(hold).open() as desk:
        sending = Sending(desk, window=4)
        await sending.send(make_batches(20))
    assert most == 4
    assert len(desk.committed) == 20


async def test_a_cut_in_mid_window_loses_and_doubles_nothing() -> None:
    async def cut(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        answer = desk.commit(frame)
        if len(desk.received) in (3, 11, 12):
            socket.transport.abort()  # the batch is committed, but the answer is lost
        else:
            await socket.send(json.dumps(answer))

    batches = make_batches(30)
    async with Desk(cut).open() as desk:
        sending = Sending(desk)
        await sending.send(batches)
    assert list(desk.committed) == [batch.id for batch in batches]
    tally = sending.tally
    assert tally.connections >= 3
    assert tally.written + tally.duplicates == 30
    assert tally.duplicates >= 2
    assert tally.retries > 0
    assert ("b2", Duplicate("b2")) in sending.answers
    sent = {json.loads(frame)["id"]: frame for frame in desk.frames}
    assert all(sent[json.loads(frame)["id"]] == frame for frame in desk.frames), "sent again in other words"


async def test_the_service_restarts_and_the_rest_is_sent_to_the_new_one() -> None:
    async def leave(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        await desk.accept(socket, frame)
        if len(desk.committed) == 5:
            await socket.close(1012)

    async with Desk(leave).open() as desk:
        sending = Sending(desk)
        await sending.send(make_batches(10))
    assert len(desk.committed) == 10
    assert sending.tally.connections == 2


async def test_what_is_refused_is_put_aside_and_the_rest_goes_on() -> None:
    async def judge(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        if frame["id"] in ("b1", "b3"):
            errors = [{"index": 0, "field": "fact", "detail": "must be a finite number"}]
            await socket.send(refuse(422, frame["id"], errors=errors))
        else:
            await desk.accept(socket, frame)

    async with Desk(judge).open() as desk:
        sending = Sending(desk)
        await sending.send(make_batches(5))
    assert list(desk.committed) == ["b0", "b2", "b4"]
    assert desk.received.count("b1") == 1
    assert sending.tally.refused == 2
    assert sending.refused[0] == ("b1", "422: no (reading 1 fact: must be a finite number)")
    assert [isinstance(answer, Refused) for _, answer in sending.answers].count(True) == 2


@pytest.mark.parametrize("status", [429, 503])
async def test_not_now_is_sent_again_after_a_pause(status: int) -> None:
    async def later(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        if desk.received.count(frame["id"]) == 1 and frame["id"] in ("b1", "b2"):
            await socket.send(refuse(status, frame["id"], retry_after=0.05))
        else:
            await desk.accept(socket, frame)

    async with Desk(later).open() as desk:
        sending = Sending(desk)
        await sending.send(make_batches(6))
    assert sorted(desk.committed) == [f"b{n}" for n in range(6)]
    assert sending.tally.connections == 1
    assert sending.tally.retries == 2


async def test_an_answer_without_an_id_is_traced_to_its_batch() -> None:
    async def puzzle(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        if frame["id"] == "b4":
            await socket.send(refuse(400, None))
        else:
            await desk.accept(socket, frame)

    async with Desk(puzzle).open() as desk:
        sending = Sending(desk)
        await sending.send(make_batches(9))
    assert sorted(desk.committed) == [f"b{n}" for n in range(9) if n != 4]
    assert [batch_id for batch_id, _ in sending.refused] == ["b4"]


async def test_a_frame_that_is_too_large_is_found_and_put_aside() -> None:
    batches = make_batches(8)
    batches[3] = make_batches(4, size=50_000)[3]
    async with Desk().open(max_size=10_000) as desk:
        sending = Sending(desk)
        await sending.send(batches)
    assert sorted(desk.committed) == [f"b{n}" for n in range(8) if n != 3]
    assert sending.refused == [("b3", "413: The frame is too large")]


async def test_a_producer_waits_for_room_in_the_spool() -> None:
    most = 0

    async def look(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        nonlocal most
        most = max(most, sending.producer.waiting)
        await asyncio.sleep(0.002)  # so that the producer is faster
        await desk.accept(socket, frame)

    async with Desk(look).open() as desk:
        sending = Sending(desk, max_bytes=1000)
        await sending.send(make_batches(200))
    assert len(desk.committed) == 200
    assert 15 < most <= 1000 // len(make_batches(1)[0].payload)
