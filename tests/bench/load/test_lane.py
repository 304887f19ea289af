"""One producer of a load."""

import asyncio

import pytest

from bench.load import lane as lanes
from bench.load.lane import Lane
from bench.load.score import Score
from bench.load.supply import Load, Supply
from bench.load.wire import HttpWire
from emitter.producer.exchange import Exchange
from emitter.producer.link import Link
from tests.bench.load.putting import post_office
from tests.emitters import until

pytestmark = pytest.mark.anyio
NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"


async def sent_by_a_lane(*answers: bytes) -> Score:
    """The score of a lane that was given three readings before it had a connection, once they are written. The service
    gives these answers."""
    score = Score()
    async with post_office(*answers) as (url, _):
        link = Link(url=url, window=1, patience=5.0)
        lane = Lane(link, lambda: HttpWire(link, "http-json"), None, score)
        lane.give(Supply(Load()).make(3))
        running = asyncio.create_task(lane.run(asyncio.Semaphore()))
        await until(lambda: score.written == 3)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    return score


async def test_a_lane_without_a_connection_keeps_what_it_is_given() -> None:
    score = await sent_by_a_lane(NO_CONTENT)
    assert score.connected == 0


class EndingPauses(Exchange):
    """Whoever asks twice for the same pause is told the second time that it is over, and it is."""

    told = False

    def pause(self) -> float:
        left = super().pause()
        if left and self.told:
            left = self._resume_at = 0.0
        self.told = left > 0
        return left


async def test_a_pause_that_ends_while_it_is_looked_at_is_no_standstill(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "Exchange", EndingPauses)
    busy = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 0.05\r\nContent-Length: 0\r\n\r\n"
    score = await sent_by_a_lane(busy, NO_CONTENT)
    assert score.retries == 1
