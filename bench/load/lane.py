"""One producer of the load, which keeps a window of batches in flight over one connection after the other."""

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
"""How many connections may be attempted at the same time; more would overflow the backlog of the other side."""


class Lane:
    """Sends the batches of its supply and those that it is given. Batches without an answer are sent again after a
    connection has ended."""

    def __init__(self, link: Link, make_wire: Callable[[], Wire], supply: Supply | None, score: Score) -> None:
        self._link = link
        self._make_wire = make_wire
        self._supply = supply
        self._score = score
        self._exchange = Exchange(link, self._next, score.settle, score)
        self._given: deque[Batch] = deque()
        self._connection: Connection | None = None
        self._rest: asyncio.TimerHandle | None = None
        """The timer for the end of a pause in which nothing may be sent."""

    async def run(self, dials: asyncio.Semaphore) -> NoReturn:
        """Runs until cancelled. Raises Rejected where the service refuses this producer, and Unreachable where the
        link's patience is over."""
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
        """Sends a batch in addition, as soon as there is room for it."""
        self._score.unanswered += batch.readings
        self._given.append(batch)
        self.fill()

    def fill(self) -> None:
        """Sends batches until the window is full or none is left. During a pause, it does so when that is over."""
        if pause := self._exchange.pause():
            # asked only once, since a pause that ends between two questions would leave nobody to go on
            if not self._rest:
                self._rest = asyncio.get_running_loop().call_later(pause, self._resume)
            return
        connection = self._connection
        while connection and connection.has_room and (batch := self._exchange.next()):
            connection.send(batch)

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
