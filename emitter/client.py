"""The sender: carries batches from the spool to the service until each is answered, whatever happens between.

A batch leaves the spool on an answer alone. After a lost connection all unanswered ones are sent again under their
ids, which the contract makes harmless.
"""

import asyncio
import time
from collections.abc import Callable
from typing import NoReturn, assert_never

import structlog
from websockets.asyncio.client import ClientConnection

from emitter.answers import Answer, Duplicate, Problem, Refusal, Tally, Written, read_answer
from emitter.backoff import Backoff
from emitter.errors import Rejected, Unreachable
from emitter.flight import Flight, Sent
from emitter.link import (
    FAILURES,
    TOO_LARGE,
    Link,
    Silence,
    asked_delay,
    check_refusal,
    closed_with,
    describe,
    dial,
)
from emitter.log import Complaints
from emitter.outbox import Outbox
from emitter.readings import Batch

SETTLED = 5.0
"""Seconds after which a connection that had nothing to do counts as a good one."""

log = structlog.get_logger()

Listener = Callable[[Batch, Answer, float], None]
"""Is told of every batch that is done with: the batch, its answer, seconds since it was last sent."""


class Sender:
    """Sends the batches of an outbox in order, a window of them at a time.

    `expected` tells refusals that the listener deals with from those that are to be counted and reported.
    """

    def __init__(
        self,
        outbox: Outbox,
        link: Link,
        listener: Listener = lambda *_: None,
        expected: Callable[[Problem], bool] = lambda _: False,
    ) -> None:
        self.outbox = outbox
        self.link = link
        self.tally = Tally()
        self.connected = False
        self._listener = listener
        self._expected = expected
        self._flight = Flight(outbox.spool, link.window)
        self._backoff = Backoff(link.patience)
        self._complaints = Complaints()
        self._resume_at = 0.0

    async def run(self) -> NoReturn:
        """Sends until cancelled. Rejected: the service won't have us; Unreachable: the link's patience is over."""
        while True:
            started = time.monotonic()
            try:
                async with dial(self.link) as socket:
                    await self._converse(socket)
            except FAILURES as exc:
                settled = not self._flight and time.monotonic() - started > SETTLED
                await asyncio.sleep(self._after_failure(exc, settled))

    async def _converse(self, socket: ClientConnection) -> None:
        self._begin()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._send(socket))
                group.create_task(self._receive(socket))
                group.create_task(self._watch())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            self.connected = False

    def _begin(self) -> None:
        self.connected = True
        self._flight.restart()
        self._complaints.forget()
        self.tally.connections += 1
        log.info("connected", to=self.link.name, waiting=self.outbox.spool.readings)

    async def _send(self, socket: ClientConnection) -> NoReturn:
        while True:
            await asyncio.sleep(max(0.0, self._resume_at - time.monotonic()))
            if spooled := self._flight.take():
                await socket.send(spooled.batch.payload, text=True)
            else:
                await self.outbox.changed()

    async def _receive(self, socket: ClientConnection) -> NoReturn:
        while True:
            message = await socket.recv()
            match answer := read_answer(message):
                case Written() | Duplicate():
                    self._done(answer)
                case Refusal():
                    self._refused(answer)
                case None:
                    log.warning("an answer that this emitter doesn't know is ignored", answer=message[:200])
                case _:
                    assert_never(answer)

    async def _watch(self) -> NoReturn:
        """Ends a connection that answers nothing, and one that answers everything but one batch."""
        while True:
            left = self._flight.deadline(self.link.ack_timeout) - time.monotonic()
            if self._flight and left <= 0:
                raise Silence("the service doesn't answer")
            await asyncio.sleep(max(left, 0.01))

    def _done(self, answer: Written | Duplicate) -> None:
        sent = self._flight.land(answer.id)
        if sent is None:
            return
        match answer:
            case Written():
                self.tally.written += answer.readings
            case Duplicate():
                self.tally.duplicates += sent.spooled.batch.readings
            case _:
                assert_never(answer)
        self._progress()
        self.outbox.forget(sent.spooled)
        self._listener(sent.spooled.batch, answer, sent.age)

    def _refused(self, refusal: Refusal) -> None:
        status = refusal.problem.status
        if status in (401, 403):
            raise Rejected(
                f"{self.link.name} accepts nothing from this emitter: {refusal.problem}. Is EMITTER_TOKEN right?"
            )
        if sent := self._whose(refusal):
            if refusal.problem.passes:
                self._postpone(sent, refusal.problem)
            else:
                self._give_up(sent, refusal)

    def _whose(self, refusal: Refusal) -> Sent | None:
        """The batch that is refused. Where the service couldn't tell, they are sent again one by one to find out."""
        if refusal.id is None and len(self._flight) > 1:
            self._flight.narrow()
            raise Silence(f"a batch was refused without its id ({refusal.problem}); sending them one by one")
        sent = self._flight.land(refusal.id)
        if sent is None:
            log.warning("refused, but this emitter didn't send it", problem=str(refusal.problem))
        return sent

    def _give_up(self, sent: Sent, refusal: Refusal) -> None:
        batch, problem = sent.spooled.batch, str(refusal.problem)
        self._progress()
        if self._expected(refusal.problem):
            self.outbox.forget(sent.spooled)
        else:
            self.tally.refused += batch.readings
            self.outbox.refuse(sent.spooled, problem)
            log.error("refused for good", batch=batch.id, readings=batch.readings, problem=problem)
        self._listener(batch, refusal, sent.age)

    def _postpone(self, sent: Sent, problem: Problem) -> None:
        """Sends the batch again on the same connection, after a pause."""
        self.tally.retries += 1
        self._flight.again(sent)
        if self._resume_at <= time.monotonic():  # the rest of the window was sent before the pause began
            delay = self._after_trouble(str(problem), problem.retry_after)
            self._resume_at = time.monotonic() + delay
        self.outbox.announce()

    def _progress(self) -> None:
        self._backoff.succeed()
        self._flight.widen()

    def _after_failure(self, failure: Exception, settled: bool) -> float:
        """Seconds until the next attempt; raises where there is no use in one."""
        check_refusal(self.link, failure)
        if closed_with(failure) == TOO_LARGE:
            self._find_too_large()
        if settled:
            self._backoff.succeed()
        self.tally.retries += len(self._flight)
        self._flight.restart()
        return self._after_trouble(describe(failure), asked_delay(failure))

    def _find_too_large(self) -> None:
        """The service doesn't say which frame was too large: with only one on its way it is clear."""
        if sent := self._flight.land(None):
            self._give_up(sent, Refusal(None, Problem(413, detail="The frame is too large.")))
        else:
            self._flight.narrow()

    def _after_trouble(self, reason: str, asked: float | None) -> float:
        """Seconds to wait, and says why; Unreachable when that would be too long."""
        delay = self._backoff.fail(asked)
        if self._backoff.exhausted(delay):
            raise Unreachable(f"{self.link.name} has taken nothing for {self.link.patience:g} s: {reason}.")
        self._complaints.say(reason, delay, self.outbox.spool.readings)
        return delay
