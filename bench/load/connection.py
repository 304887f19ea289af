"""One connection of the load: a wire protocol on a transport."""

import asyncio
from collections.abc import Callable
from typing import cast
from urllib.parse import urlsplit

import httptools

from bench.load.score import Score
from bench.load.wire import Wire
from emitter.producer import Answer, Batch, Link, ProducerError, Rejected
from emitter.producer import failures as of_sockets

FAILURES = (*of_sockets.FAILURES, httptools.HttpParserError)
"""The exceptions that can end a connection, after which another attempt may succeed."""
PORTS = {"ws": 80, "http": 80, "wss": 443, "https": 443}


class Connection(asyncio.Protocol):
    """Sends batches until the connection is lost. `take` is called with each answer, and `go_on` when more can be
    sent."""

    def __init__(self, wire: Wire, score: Score, take: Callable[[Answer], None], go_on: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        self.lost: asyncio.Future[None] = loop.create_future()
        """Fails with one of FAILURES or a ProducerError when the connection is lost."""
        self.lost.add_done_callback(lambda lost: lost.cancelled() or lost.exception())
        self._opened: asyncio.Future[None] = loop.create_future()
        self._wire, self._score = wire, score
        self._take, self._go_on = take, go_on
        self._transport: asyncio.Transport | None = None
        self._full = False

    @property
    def has_room(self) -> bool:
        """Whether data would be sent at once instead of waiting in a buffer."""
        return self._transport is not None and not self._full

    async def dial(self, link: Link) -> None:
        """Connects, and returns when batches can be sent."""
        parts, loop = urlsplit(link.url), asyncio.get_running_loop()
        secure = parts.scheme in ("wss", "https")
        port = parts.port or PORTS[parts.scheme]
        async with asyncio.timeout(link.ack_timeout):
            await loop.create_connection(lambda: self, parts.hostname or "", port, ssl=secure or None)
            await asyncio.wait((self._opened, self.lost), return_when=asyncio.FIRST_COMPLETED)
        if self.lost.done():
            self.lost.result()

    def send(self, batch: Batch) -> None:
        if self._transport is not None:
            data = self._wire.wrap(batch)
            self._score.sent_bytes += len(data)
            self._transport.write(data)

    def close(self) -> None:
        """Closes the connection in order, as far as the other side cooperates."""
        if self._transport is not None:
            self._transport.write(self._wire.closing())
            self._transport.close()
            self._transport = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._wire.opening())
        self._look_open()

    def data_received(self, data: bytes) -> None:
        self._score.received_bytes += len(data)
        try:
            for answer in self._wire.receive(data):
                self._take(answer)
        except (ProducerError, *FAILURES) as exc:
            self._end(exc)
            return
        if self._transport is not None and (reply := self._wire.reply()):
            self._transport.write(reply)
        self._look_open()
        self._go_on()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self._wire.close_code == of_sockets.TOO_LARGE:
            exc = Rejected("A frame was too large for the service: make --batch smaller.")
        self._end(exc or ConnectionResetError("connection lost"))

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._go_on()

    def _look_open(self) -> None:
        if self._wire.open and not self._opened.done():
            self._opened.set_result(None)

    def _end(self, exc: Exception) -> None:
        if not self.lost.done():
            self.lost.set_exception(exc)
