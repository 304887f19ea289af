"""A producer of the load: keeps a window of batches in flight, over one connection after the other."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import NoReturn

from bench.load.connection import FAILURES, Connection
from bench.load.score import Score
from bench.load.supply import Supply
from bench.load.wire import Wire
from emitter.producer import Batch, Link
from emitter.producer.exchange import Exchange

DIALS = 64
"""Connections that are being made at once: more overflow the other side's backlog."""


class Lane:
    """Sends what its supply has, and what it is given; what isn't answered when a connection ends is sent again."""

    def __init__(self, link: Link, make_wire: Callable[[], Wire], supply: Supply | None, score: Score) -> None:
        self._link = link
        self._make_wire = make_wire
        self._supply = supply
        self._score = score
        self._exchange = Exchange(link, self._next, score.settle, score)
        self._given: deque[Batch] = deque()
        self._connection: Connection | None = None
        self._rest: asyncio.TimerHandle | None = None
        """Runs while nothing may be sent."""

    async def run(self, dials: asyncio.Semaphore) -> NoReturn:
        """Until cancelled. Rejected: the service won't have us; Unreachable: the link's patience is over."""
        while True:
            connection = Connection(self._make_wire(), self._score, self._exchange.hear, self.fill)
            try:
                async with dials:
                    await connection.dial(self._link)
                self._begin(connection)
                await connection.lost
            except FAILURES as exc:
                failure = exc
            finally:
                connection.close()
                self._end()
            await asyncio.sleep(self._exchange.lost(failure))

    @property
    def has_room(self) -> bool:
        """Whether another batch would be sent at once."""
        connection = self._connection
        return (
            connection is not None
            and connection.has_room
            and self._rest is None
            and not self._given
            and self._exchange.window.has_room
        )

    def give(self, batch: Batch) -> None:
        """Send this one too, as soon as there is room for it."""
        self._score.unanswered += batch.readings
        self._given.append(batch)
        self.fill()

    def fill(self) -> None:
        """Send as much as the window allows of what there is to send."""
        connection = self._connection
        while connection and connection.has_room and (batch := self._exchange.next()):
            connection.send(batch)
        if not self._rest and (pause := self._exchange.pause()):
            self._rest = asyncio.get_running_loop().call_later(pause, self._resume)

    def _next(self) -> Batch | None:
        if self._given:
            return self._given.popleft()
        batch = self._supply.take() if self._supply else None
        if batch:
            self._score.unanswered += batch.readings
        return batch

    def _begin(self, connection: Connection) -> None:
        self._connection = connection
        self._score.connected += 1
        self._exchange.begin()
        self.fill()

    def _end(self) -> None:
        if self._connection:
            self._score.connected -= 1
            self._connection = None
        if self._rest:
            self._rest.cancel()
            self._rest = None

    def _resume(self) -> None:
        self._rest = None
        self.fill()
