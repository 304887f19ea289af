"""A producer of `emitter bench`: keeps a window of batches in flight, over one connection after the other."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import NoReturn

from emitter.answers import Answer, Duplicate, Problem, Refusal, Written
from emitter.backoff import Backoff
from emitter.connection import FAILURES, Connection
from emitter.errors import Rejected, Unreachable
from emitter.link import Link, asked_delay, check_refusal, describe
from emitter.load import Supply
from emitter.readings import Batch
from emitter.score import Score
from emitter.wire import Wire

DIALS = 64
"""Connections that are being made at once: more overflow the other side's backlog."""


class Lane(asyncio.Protocol):
    """Sends what its supply has, and what it is given; what isn't answered when a connection ends is sent again."""

    def __init__(self, link: Link, make_wire: Callable[[], Wire], supply: Supply | None, score: Score) -> None:
        self._link = link
        self._make_wire = make_wire
        self._supply = supply
        self._score = score
        self._backoff = Backoff(link.patience)
        self._sent: dict[str, tuple[Batch, float]] = {}
        self._waiting: deque[Batch] = deque()
        self._connection: Connection | None = None
        self._window = 0
        self._rest: asyncio.TimerHandle | None = None
        """Runs while the service has asked for a pause."""

    async def run(self, dials: asyncio.Semaphore) -> NoReturn:
        """Until cancelled. Rejected: the service won't have us; Unreachable: the link's patience is over."""
        while True:
            wire = self._make_wire()
            connection = Connection(wire, self._score, self._settle, self.fill)
            try:
                async with dials:
                    await connection.dial(self._link)
                self._begin(connection, wire.window)
                await connection.lost
            except FAILURES as exc:
                failure = exc
            finally:
                connection.close()
                again = self._end()
            self._score.retries += again
            check_refusal(self._link, failure)
            await asyncio.sleep(self._after_trouble(describe(failure), asked_delay(failure)))

    @property
    def has_room(self) -> bool:
        """Whether another batch would be sent at once."""
        return self._connection is not None and not self._waiting and self._may_send(self._connection)

    def give(self, batch: Batch) -> None:
        """Send this one too, as soon as there is room for it."""
        self._score.unanswered += batch.readings
        self._waiting.append(batch)
        self.fill()

    def fill(self) -> None:
        """Send as much as the window allows of what there is to send."""
        connection = self._connection
        while connection and self._may_send(connection) and (batch := self._next()):
            self._sent[batch.id] = batch, time.monotonic()
            connection.send(batch)

    def _may_send(self, connection: Connection) -> bool:
        return len(self._sent) < self._window and connection.has_room and self._rest is None

    def _next(self) -> Batch | None:
        if self._waiting:
            return self._waiting.popleft()
        batch = self._supply.take() if self._supply else None
        if batch:
            self._score.unanswered += batch.readings
        return batch

    def _begin(self, connection: Connection, window: int | None) -> None:
        self._connection = connection
        self._window = min(self._link.window, window or self._link.window)
        self._score.connected += 1
        self._score.connections += 1
        self._backoff.succeed()
        self.fill()

    def _end(self) -> int:
        """Whatever has no answer is to be sent again; how many batches that are."""
        if self._connection:
            self._score.connected -= 1
            self._connection = None
        if self._rest:
            self._rest.cancel()
            self._rest = None
        unanswered = [batch for batch, _ in self._sent.values()]
        self._waiting.extendleft(reversed(unanswered))
        self._sent.clear()
        return len(unanswered)

    def _settle(self, answer: Answer) -> None:
        batch, at = self._sent.pop(answer.id or next(iter(self._sent), ""), (None, 0.0))
        if batch is None:
            return
        match answer:
            case Written() | Duplicate():
                self._backoff.succeed()
                seconds = time.monotonic() - at
                self._score.acknowledge(batch.readings, seconds, duplicate=isinstance(answer, Duplicate))
            case Refusal(problem=problem):
                self._refused(batch, problem)

    def _refused(self, batch: Batch, problem: Problem) -> None:
        if problem.status in (401, 403):
            raise Rejected(f"{self._link.name} accepts nothing from this emitter: {problem}. Is EMITTER_TOKEN right?")
        if not problem.passes:
            self._score.refuse(batch.readings, str(problem))
            return
        self._score.retries += 1
        self._waiting.append(batch)
        if not self._rest:  # the rest of the window was sent before the pause began
            delay = self._after_trouble(str(problem), problem.retry_after)
            self._rest = asyncio.get_running_loop().call_later(delay, self._resume)

    def _resume(self) -> None:
        self._rest = None
        self.fill()

    def _after_trouble(self, reason: str, asked: float | None) -> float:
        """Seconds to wait; Unreachable when that would be too long."""
        delay = self._backoff.fail(asked)
        if self._backoff.exhausted(delay):
            raise Unreachable(f"{self._link.name} has taken nothing for {self._link.patience:g} s: {reason}.")
        return delay
