"""What a client may take of an HTTP connection: the size of a head, the requests that wait behind each other, the
memory for what it sends and doesn't read, and the time for both.

This module uses methods and attributes that uvicorn doesn't document; pyproject.toml names the versions that have them,
and tests/run/test_uvicorn.py names each of them.
"""

import asyncio
from collections.abc import Callable
from typing import Any

import httptools
import msgspec
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.errors import HeadTooLarge, NoMemory, TaktlineError, TooManyConnections, TooSlow
from service.limits.patience import Wait
from service.problems import MEDIA_TYPE, headers, problem
from service.run.clients import Clients, unread

MAX_HEAD = 64 * 1024
"""The most bytes of a request's first line and headers, and of the fields behind a body in chunks."""
MAX_PIPELINED = 16
"""The most requests of a connection that wait for their turn; what comes behind them isn't parsed yet."""
SLICE, BODY_SLICE = 4096, 32 * 1024
"""The most bytes that are parsed before it is looked at what they were, since they may hold hundreds of requests; and
the most while there is a body."""
REQUEST = 4096
"""About how many bytes of memory a request takes that waits."""
WITHOUT_BODY = ("GET", "HEAD")
"""Methods whose bodies mean nothing, so that they are thrown away."""


class LimitedHttp(HttpToolsProtocol):
    """One HTTP connection within its limits."""

    def __init__(self, *args: Any, clients: Clients, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._clients, self._refused = clients, clients.refused
        self._rest = b""
        self._head = self._arrived = self._pauses = 0
        self._begun = 0
        """How many requests had a whole head."""
        self._wait = Wait()
        self._ended = False
        """Whether nothing more of this client is read."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.flow = _Flow(transport, self._count)
        owner = self._clients.owner(self.client[0] if self.client else "")
        self._place, self._hold = self._clients.places.hold(owner), self._clients.memory.hold(owner)
        self._crowded = not self._place.take(1)
        if self._crowded:  # most clients only read an answer once they have asked
            self._refused("http", TooManyConnections.reason)
            self._clients.linger(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self.flow = FlowControl(self.transport)  # without a reference to this object, so that it is freed at once
        self._rest = b""
        self.pipeline.clear()
        self._hold.release()
        self._place.release()

    def look(self, now: float) -> None:
        """Give the connection up where its client takes too long to send a request or to read an answer."""
        cycle, patience = self.cycle, self._clients.patience
        if self.flow.write_paused or self.transport.is_closing():
            if self._wait.is_over(("answer", self._pauses), patience.answer, -unread(self.transport), now):
                self._refused("http", "unread")
                self.transport.abort()
        elif self._ended:
            self._wait.end()
        elif self.scope is None:
            if self._wait.is_over("silence", patience.silence, 0, now):
                self.transport.close()
        elif cycle is None or cycle.scope is not self.scope:
            if self._wait.is_over(("head", self._begun), patience.head, self._arrived, now):
                self._end(TooSlow("The rest of the request's head didn't come in time."))
        elif cycle.response_complete and self.timeout_keep_alive_task is None:
            # The client may still be sending a body that was refused. uvicorn sets no timer behind that.
            if self._wait.is_over(("next", self._begun), patience.silence, self._arrived, now):
                self.transport.close()
        elif cycle.more_body and not cycle.response_complete and not self.flow.read_paused:
            if self._wait.is_over(("body", self._begun), patience.body, self._arrived, now):
                self._end(TooSlow("The rest of the request's body didn't come in time."))
        else:
            self._wait.end()
        self._count()

    def data_received(self, data: bytes) -> None:
        if self._ended or self._crowded:
            if not self._ended:
                self._ended = True
                self._say(TooManyConnections())
            return
        self._arrived += len(data)
        self._unset_keepalive_if_required()
        if len(data) <= SLICE and not self._rest:
            self._feed(data)
        else:
            self._rest += data
            self._go_on()

    def on_body(self, body: bytes) -> None:
        self._head = 0
        super().on_body(body)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._rest:
            self._go_on()
        elif self._hold.size:
            self._count()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._pauses += 1
        self._count()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._count()

    def _go_on(self) -> None:
        """Parse what waits, a slice at a time, until too many requests wait."""
        data, self._rest, at = self._rest, b"", 0
        while at < len(data) and len(self.pipeline) < MAX_PIPELINED and not self._ended:
            cycle = self.cycle
            is_body = cycle is not None and cycle.more_body and cycle.scope is self.scope
            end = at + (BODY_SLICE if is_body else SLICE)
            self._feed(data[at:end])
            at = end
            protocol: Any = self.transport.get_protocol()
            if protocol is not self:
                if at < len(data):
                    protocol.data_received(data[at:])
                return
        if at < len(data) and not self._ended:
            self._rest = data[at:]
            self.flow.pause_reading()
        self._count()

    def _feed(self, data: bytes) -> None:
        size, begun = len(data), self._begun
        while data:
            data = self._read(data)
        cycle = self.cycle
        if self.scope is not (cycle and cycle.scope) or (cycle is not None and cycle.more_body):
            # a head has begun that isn't complete; or fields behind a body in chunks, if none of it has come
            self._head = size + (self._head if self._begun == begun else 0)
            if self._head > MAX_HEAD:
                self._end(HeadTooLarge())
        else:
            self._head = 0

    def _count(self) -> None:
        """Count what is held for this connection, and give it up where that is too much."""
        size = len(self._rest) + REQUEST * len(self.pipeline)
        if self.flow.read_paused and (cycle := self.cycle) is not None:
            if cycle.scope["method"] in WITHOUT_BODY:
                cycle.body = bytearray()
            size += len(cycle.body)
        if self.flow.write_paused:
            size += self.transport.get_write_buffer_size()
        if size == self._hold.size:
            return
        is_more = size > self._hold.size
        if not self._hold.set(size) and is_more and not self._ended:
            self._end(NoMemory())

    def _end(self, error: TaktlineError) -> None:
        """Read nothing more. The present request is answered with an error, unless its answer has begun or others are
        still to be answered."""
        cycle = self.cycle
        self._ended, self._rest = True, b""
        self._refused("http", error.reason)
        idle = cycle is None or cycle.response_complete
        if cycle is not None and not idle:
            cycle.disconnected = True
            cycle.message_event.set()
        closing = self.flow.write_paused or self.transport.is_closing()
        if closing or not (idle or (not cycle.response_started and not self.pipeline)):
            self.transport.abort()
            return
        self._say(error)
        self._clients.linger(self.transport)

    def _say(self, error: TaktlineError) -> None:
        """Send the last answer of this connection. What the client still sends is ignored, until it is closed."""
        body, fields = error_answer(error)
        head = "".join(f"{name}: {value}\r\n" for name, value in (fields | {"Connection": "close"}).items())
        phrase = problem(error)["title"]
        self.transport.write(f"HTTP/1.1 {error.status} {phrase}\r\n{head}\r\n".encode() + body)
        if self.transport.can_write_eof():
            self.transport.write_eof()

    def _read(self, data: bytes) -> bytes:
        """Parse data, and return what has to be parsed next."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        return b""


class _Flow(FlowControl):
    """Flow control that has it counted again what is held when the application takes a part of a body."""

    def __init__(self, transport: asyncio.Transport, count: Callable[[], None]) -> None:
        super().__init__(transport)
        self._count = count

    def resume_reading(self) -> None:
        if self.read_paused:
            super().resume_reading()
            self._count()


def error_answer(error: TaktlineError) -> tuple[bytes, dict[str, str]]:
    """The body and the headers that answer an error."""
    body = msgspec.json.encode(problem(error))
    fields = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
    return body, fields | headers(error)
