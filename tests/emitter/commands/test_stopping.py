"""How commands end."""

import asyncio
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from emitter.commands.stopping import deliver
from emitter.producer import Producer
from tests.desk import Desk, make_batches

pytestmark = pytest.mark.anyio


async def test_told_to_stop_it_waits_for_the_last_answers() -> None:
    stop = asyncio.Event()

    async def slow(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        stop.set()
        await asyncio.sleep(0.1)
        await desk.accept(socket, frame)

    async def produce(producer: Producer) -> None:
        producer.offer_batch(make_batches(1)[0])
        await asyncio.Event().wait()

    async with Desk(slow).open() as desk, asyncio.timeout(5), Producer(desk.url, grace=0) as producer:
        assert not await deliver(producer, produce(producer), stop, 2)
        assert producer.tally.written == 1
