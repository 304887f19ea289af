"""One producer of a load."""

import asyncio

import pytest

from bench.load.lane import Lane
from bench.load.score import Score
from bench.load.supply import Load, Supply
from bench.load.wire import HttpWire
from emitter.producer.link import Link
from tests.bench.load.putting import post_office
from tests.emitters import until

pytestmark = pytest.mark.anyio


async def test_a_lane_without_a_connection_keeps_what_it_is_given() -> None:
    score = Score()
    async with post_office(b"HTTP/1.1 204 No Content\r\n\r\n") as (url, _):
        link = Link(url=url)
        lane = Lane(link, lambda: HttpWire(link, "http-json"), None, score)
        lane.give(Supply(Load()).make(3))
        running = asyncio.create_task(lane.run(asyncio.Semaphore()))
        await until(lambda: score.written == 3)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert score.connected == 0
