"""A producer of `emitter bench`: keeps a window of batches in flight, over one connection after the other."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import NoReturn, cast
from urllib.parse import urlsplit

import httptools
from websockets.exceptions import WebSocketException

from emitter.answers import Answer, Duplicate, Problem, Refusal, Written
from emitter.backoff import Backoff
from emitter.errors import EmitterError, Rejected, Unreachable
from emitter.link import TOO_LARGE, Link, asked_delay, check_refusal, describe
from emitter.load import Supply
from emitter.readings import Batch
from emitter.score import Score
from emitter.wire import Wire

FAILURES = (OSError, WebSocketException, httptools.HttpParserError)
DIALS = 64
"""Connections that are being made at once: more overflow the other side's backlog."""
PORTS = {"ws": 80, "http": 80, "wss": 443, "https": 443}


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
        self._wire: Wire
        self._transport: asyncio.Transport | None = None
        self._opened: asyncio.Future[None]
        self._lost: asyncio.Future[None]
        self._window = 0
        """Batches that may be in flight; 0 without a connection."""
        self._full = False
        self._rest: asyncio.TimerHandle | None = None
        """Runs while the service has asked for a pause."""

    async def run(self, dials: asyncio.Semaphore) -> NoReturn:
        """Until cancelled. Rejected: the service won't have us; Unreachable: the link's patience is over."""
        while True:
            try:
                async with dials:
                    await self._dial()
                await self._lost
                reason, asked = "connection lost", None
            except FAILURES as exc:
                check_refusal(self._link, exc)
                reason, asked = describe(exc), asked_delay(exc)
            finally:
                self._hang_up()
            await asyncio.sleep(self._after_trouble(reason, asked))

    @property
    def has_room(self) -> bool:
        """Whether another batch would be sent at once."""
        return len(self._sent) + len(self._waiting) < self._window and not self._full and not self._rest

    def give(self, batch: Batch) -> None:
        """Send this one too, as soon as there is room for it."""
        self._score.unanswered += batch.readings
        self._waiting.append(batch)
        self.fill()

    def fill(self) -> None:
        """Send as much as the window allows of what there is to send."""
        if self._transport is None or self._rest:
            return
        while len(self._sent) < self._window and not self._full and (batch := self._next()):
            data = self._wire.wrap(batch)
            self._sent[batch.id] = batch, time.monotonic()
            self._score.sent_bytes += len(data)
            self._transport.write(data)

    def _next(self) -> Batch | None:
        if self._waiting:
            return self._waiting.popleft()
        batch = self._supply.take() if self._supply else None
        if batch:
            self._score.unanswered += batch.readings
        return batch

    async def _dial(self) -> None:
        """Makes a connection, up to where batches can be sent."""
        parts, loop = urlsplit(self._link.url), asyncio.get_running_loop()
        self._wire, self._lost, self._opened = self._make_wire(), loop.create_future(), loop.create_future()
        self._lost.add_done_callback(lambda lost: lost.cancelled() or lost.exception())
        async with asyncio.timeout(self._link.ack_timeout):
            secure = parts.scheme in ("wss", "https")
            port = parts.port or PORTS[parts.scheme]
            await loop.create_connection(lambda: self, parts.hostname or "", port, ssl=secure or None)
            await asyncio.wait((self._opened, self._lost), return_when=asyncio.FIRST_COMPLETED)

    def _hang_up(self) -> None:
        """Whatever has no answer is to be sent again."""
        if self._window:
            self._score.connected -= 1
        self._window = 0
        self._score.retries += len(self._sent)
        self._waiting.extendleft(batch for batch, _ in reversed(self._sent.values()))
        self._sent.clear()
        if self._rest:
            self._rest.cancel()
            self._rest = None
        if self._transport:
            self._transport.write(self._wire.closing())
            self._transport.close()
            self._transport = None

    def _begin(self) -> None:
        self._score.connected += 1
        self._score.connections += 1
        self._window = min(self._link.window, self._wire.window or self._link.window)
        self._backoff.succeed()
        self._opened.set_result(None)
        self.fill()

    # what asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self._full = cast("asyncio.Transport", transport), False
        self._transport.write(self._wire.opening())
        if self._wire.open:
            self._begin()

    def data_received(self, data: bytes) -> None:
        self._score.received_bytes += len(data)
        try:
            for answer in self._wire.receive(data):
                self._settle(answer)
        except (EmitterError, *FAILURES) as exc:
            self._fail(exc)
            return
        if self._transport and (reply := self._wire.reply()):
            self._transport.write(reply)
        if self._wire.open and not self._opened.done():
            self._begin()
        else:
            self.fill()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._wire.close_code == TOO_LARGE:
            exc = Rejected("A frame was too large for the service: make --batch smaller.")
        self._fail(exc)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self.fill()

    def _fail(self, exc: Exception | None) -> None:
        if self._lost.done():
            return
        if exc:
            self._lost.set_exception(exc)
        else:
            self._lost.set_result(None)

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
            raise Rejected(f"{self._link.name} takes nothing from us: {problem}. Is EMITTER_TOKEN right?")
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
            raise Unreachable(f"{self._link.name} took nothing for {self._link.patience:g} s: {reason}.")
        return delay
