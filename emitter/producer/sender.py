"""Sends the batches of an outbox to the service over a WebSocket until each is answered, over failures of any kind."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import NoReturn

from websockets.asyncio.client import ClientConnection

from emitter.producer.answers import Answer, Problem, Refused, Tally, read_answer
from emitter.producer.exchange import Exchange, Listener
from emitter.producer.failures import FAILURES, Silence
from emitter.producer.link import Link, dial
from emitter.producer.outbox import Outbox
from emitter.producer.printable import printable
from emitter.producer.readings import Batch

QUIET = 60.0
"""Seconds before the same failure is logged as a warning again."""

log = logging.getLogger(__name__)


class Sender:
    """Sends the batches of an outbox in order, a window of them at a time.

    `expected` tells which refusals the listener handles; the others are counted and set aside.
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
        self._exchange = Exchange(link, outbox.take, self._settle, self.tally, self._complain)
        self._complaint = ("", 0.0)
        """The last warning, and when it was logged."""

    async def run(self) -> NoReturn:
        """Sends until cancelled. Raises Rejected where the service refuses this producer, and Unreachable where the
        link's patience is over."""
        while True:
            try:
                async with dial(self.link) as socket:
                    await self._converse(socket)
            except FAILURES as exc:
                await asyncio.sleep(self._exchange.lost(exc))

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
        self._exchange.begin()
        self._complaint = ("", 0.0)
        log.info("connected", extra={"to": self.link.name, "waiting": self.outbox.spool.readings})

    async def _send(self, socket: ClientConnection) -> NoReturn:
        while True:
            if pause := self._exchange.pause():
                await asyncio.sleep(pause)
            elif batch := self._exchange.next():
                await socket.send(batch.payload, text=True)
            else:
                await self.outbox.changed()

    async def _receive(self, socket: ClientConnection) -> NoReturn:
        while True:
            message = await socket.recv()
            if answer := read_answer(message):
                self._exchange.hear(answer)
            else:
                text = message if isinstance(message, str) else message.decode(errors="backslashreplace")
                log.warning("an answer that this producer doesn't know is ignored", extra={"answer": printable(text)})

    async def _watch(self) -> NoReturn:
        """Raises Silence where no answers come, or where a single batch is left without an answer."""
        while True:
            left = self._exchange.window.deadline(self.link.ack_timeout) - time.monotonic()
            if self._exchange.window and left <= 0:
                raise Silence("the service doesn't answer")
            await asyncio.sleep(max(left, 0.01))

    def _settle(self, batch: Batch, answer: Answer, seconds: float) -> None:
        if isinstance(answer, Refused) and not self._expected(answer.problem):
            problem = str(answer.problem)
            self.tally.count(batch.readings, answer)
            self.outbox.refuse(batch, problem)
            log.error("refused for good", extra={"batch": batch.id, "readings": batch.readings, "problem": problem})
        else:
            if not isinstance(answer, Refused):
                self.tally.count(batch.readings, answer)
            self.outbox.forget(batch)
        self._listener(batch, answer, seconds)

    def _complain(self, reason: str, delay: float) -> None:
        """Logs a failure as a warning; the same failure again soon only at level DEBUG."""
        last, at = self._complaint
        known = reason == last and time.monotonic() - at < QUIET
        level = logging.DEBUG if known else logging.WARNING
        log.log(level, "%s; trying again in %.1f s", reason, delay, extra={"waiting": self.outbox.spool.readings})
        if not known:
            self._complaint = (reason, time.monotonic())
        self.outbox.announce()  # so that the sending task waits for the pause, and then sends again
