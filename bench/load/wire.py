"""Encodes batches and decodes answers for both transports; no I/O. A request is a single piece, ready to be written."""

from collections import deque
from collections.abc import Callable, Iterator
from typing import Protocol
from urllib.parse import urlsplit

import httptools
import msgspec
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.uri import parse_uri

from bench.load.supply import Transport
from emitter.producer.answers import Answer, Duplicate, Problem, Refused, Written, read_answer, read_problem
from emitter.producer.backoff import retry_after
from emitter.producer.link import Link
from emitter.producer.readings import Batch

PATHS: dict[str, tuple[str, str]] = {
    "http-json": ("/readings", "application/json"),
    "http-ndjson": ("/readings", "application/x-ndjson"),
    "http-line": ("/write?precision=u", "text/plain; charset=utf-8"),
}
"""The path and the media type for each transport."""


class Wire(Protocol):
    """The protocol of one connection. Raises WebSocketException or httptools.HttpParserError where the other side
    breaks it."""

    open: bool
    """Whether batches may be sent."""

    def opening(self) -> bytes:
        """The first bytes to send."""

    def wrap(self, batch: Batch) -> bytes:
        """The bytes of a batch."""

    def receive(self, data: bytes) -> Iterator[Answer]:
        """The answers in what was received."""

    def reply(self) -> bytes:
        """Bytes that the protocol itself has to send in reply."""

    def closing(self) -> bytes:
        """The last bytes to send."""

    @property
    def close_code(self) -> int | None:
        """The code with which the other side closed the connection, if there was one."""


class SocketWire:
    """A WebSocket."""

    def __init__(self, link: Link) -> None:
        self.open = False
        self._token = link.token
        self._protocol = ClientProtocol(parse_uri(link.url))

    def opening(self) -> bytes:
        request = self._protocol.connect()
        if self._token:
            request.headers["Authorization"] = f"Bearer {self._token}"
        self._protocol.send_request(request)
        return self.reply()

    def wrap(self, batch: Batch) -> bytes:
        self._protocol.send_text(batch.payload)
        return self.reply()

    def receive(self, data: bytes) -> Iterator[Answer]:
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                if event.opcode is Opcode.TEXT and (answer := self.read(bytes(event.data))):
                    yield answer
            elif isinstance(event, Response):
                if self._protocol.handshake_exc:
                    raise self._protocol.handshake_exc
                self.open = True
        if self._protocol.handshake_exc:
            raise self._protocol.handshake_exc

    def read(self, message: bytes) -> Answer | None:
        """The answer in a frame."""
        return read_answer(message)

    def reply(self) -> bytes:
        return b"".join(self._protocol.data_to_send())

    def closing(self) -> bytes:
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(1000)
        return self.reply()

    @property
    def close_code(self) -> int | None:
        return self._protocol.close_rcvd.code if self._protocol.close_rcvd else None


class _Written(msgspec.Struct):
    duplicate: bool = False


_decode = msgspec.json.Decoder(_Written).decode


class HttpWire:
    """HTTP/1.1 on a persistent connection, with one request at a time."""

    close_code: int | None = None

    def __init__(self, link: Link, transport: Transport) -> None:
        self.open = True
        self._parser = httptools.HttpResponseParser(self)
        self._asked: deque[Batch] = deque()
        self._answers: list[Answer] = []
        self._body = b""
        self._retry_after: float | None = None
        self._head = _head(link, transport)

    def opening(self) -> bytes:
        return b""

    def wrap(self, batch: Batch) -> bytes:
        self._asked.append(batch)
        return self._head % (batch.id.encode(), len(batch.payload), batch.payload)

    def receive(self, data: bytes) -> Iterator[Answer]:
        self._parser.feed_data(data)
        answers, self._answers = self._answers, []
        return iter(answers)

    def reply(self) -> bytes:
        return b""

    def closing(self) -> bytes:
        return b""

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        if name.lower() == b"retry-after":
            self._retry_after = retry_after(value.decode("latin-1"))

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._body += body

    def on_message_complete(self) -> None:
        """Called by the parser."""
        if self._asked:
            self._answers.append(self._answer(self._asked.popleft(), self._parser.get_status_code()))
        self._body, self._retry_after = b"", None

    def _answer(self, batch: Batch, status: int) -> Answer:
        if status == 204 or (status == 200 and not _decode(self._body).duplicate):
            return Written(batch.id, batch.readings)
        if status == 200:
            return Duplicate(batch.id)
        return Refused(batch.id, Problem(status, detail=read_problem(self._body), retry_after=self._retry_after))


def _head(link: Link, transport: Transport) -> bytes:
    parts, (path, media_type) = urlsplit(link.url), PATHS[transport]
    if parts.query:
        path += f"{'&' if '?' in path else '?'}{parts.query}"
    lines = [
        f"POST {parts.path.rstrip('/')}{path} HTTP/1.1",
        f"Host: {parts.netloc.rpartition('@')[2]}",
        *([f"Authorization: Bearer {link.token}"] if link.token else []),
        f"Content-Type: {media_type}",
    ]
    head = "\r\n".join(lines).replace("%", "%%").encode()
    return head + b"\r\nIdempotency-Key: %b\r\nContent-Length: %d\r\n\r\n%b"


def wire_maker(link: Link, transport: Transport) -> Callable[[], Wire]:
    """A function that makes the wires of a transport, one for each connection."""
    return (lambda: SocketWire(link)) if transport == "ws" else (lambda: HttpWire(link, transport))
