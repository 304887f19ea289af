"""uvicorn's WebSocket protocol, improved for clients that send without ever reading, or without waiting for an answer.

Five things are different. A client that is closed in the middle of its own frame can read the close code: the rest of
the frame is received first, because closing a socket with unread data resets the connection, and the code would be
lost. Data that arrives before the handshake is answered is kept. Any data counts as a sign of life, not only a pong.
The answer to a refused handshake says why it is refused. Data that takes long to parse, because it has very many tiny
frames, is parsed in steps, between which others have their turns; a message may have only so many fragments.

This module uses methods and attributes that uvicorn doesn't document; pyproject.toml names the versions that have them,
and tests/run/test_uvicorn.py names each of them.
"""

from collections.abc import Callable
from http import HTTPStatus
from time import perf_counter
from typing import Any

import msgspec
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request

from service.problems import MEDIA_TYPE, plain_problem

LINGER = 5.0
"""Seconds that a closed client has to read the close code. What it sends meanwhile is discarded."""
MAX_FRAGMENTS = 4096
"""The most fragments of a message."""
STEPS = (1024, 16 * 1024)
"""The fewest and the most bytes that are parsed at once."""
LONG = 0.002
"""Seconds of parsing after which others have a turn, and after which less is parsed at once."""
VERSION = "13"
"""The version of the WebSocket protocol: https://www.rfc-editor.org/rfc/rfc6455."""
WRONG_VERSION = (
    f"Only version {VERSION} of the WebSocket protocol is understood: send Sec-WebSocket-Version: {VERSION}."
)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket connection. `refused` is called for each handshake that is refused here. The client is pinged every
    `ws_ping_interval` seconds, and the connection is ended where nothing has arrived for `ws_ping_timeout` seconds
    although the service was reading."""

    def __init__(self, *args: Any, refused: Callable[[str, str], None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._refused = refused
        self._rest = b""
        """What has arrived and isn't parsed yet."""
        self._step = STEPS[1]
        self._resting = False
        """Whether others have a turn before parsing goes on. Nothing is received meanwhile."""
        self._heard = self.loop.time()
        # uvicorn's own timeout would end connections that answer no pings
        self._patience, self.ping_timeout = self.ping_timeout, None

    def data_received(self, data: bytes) -> None:
        """Receive data, which is kept while the handshake isn't answered yet, and ignored after a refusal."""
        self._heard = self.loop.time()
        if self.conn.parser_exc is not None:
            return
        self._rest += data
        if not self._resting:
            self._parse()
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            why = self.conn.handshake_exc.__cause__ or self.conn.handshake_exc
            self._refuse(HTTPStatus.BAD_REQUEST, f"This can't be read as a WebSocket's handshake: {why}.")

    async def send(self, message: Any) -> None:
        """Send a message of the application. The first one answers the handshake, after which data that came early is
        received."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = self.close_sent = True  # otherwise uvicorn would log an error for every refusal
        if self._rest and self.handshake_complete and not self._resting:
            if self.close_sent:
                self._rest = b""
            else:
                self.transport.resume_reading()
                self._parse()

    async def receive(self) -> Any:
        """The next message for the application. Where all have been taken, more data is received."""
        message = await self.queue.get()
        if self.read_paused and not self._resting and self.queue.empty():
            self.read_paused = False
            self.transport.resume_reading()
        return message

    def connection_lost(self, exc: Exception | None) -> None:
        """Parse what is left, since nothing more comes."""
        while self._rest and self.handshake_complete:
            step, self._rest = self._rest[: self._step], self._rest[self._step :]
            super().data_received(step)
        super().connection_lost(exc)

    def handle_cont(self, event: Frame) -> None:
        """Add a fragment to a message; the connection is closed where there are too many."""
        if len(self.frames) < MAX_FRAGMENTS:
            super().handle_cont(event)
        elif self.conn.close_sent is None:
            self.frames = []
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, f"more than {MAX_FRAGMENTS:,} fragments")
            self.handle_parser_exception()

    def eof_received(self) -> None:
        """Close the connection where a close code was sent: a client that has stopped sending has read it, or never
        will."""
        if self.conn.parser_exc is not None:
            self.transport.close()

    def handle_connect(self, event: Request) -> None:
        if event.headers.get_all("Sec-WebSocket-Version") != [VERSION]:
            self._refuse(HTTPStatus.UPGRADE_REQUIRED, WRONG_VERSION)
            return
        super().handle_connect(event)
        if self.response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._refused("websocket", "handshake")

    def handle_parser_exception(self) -> None:
        """Send the close code, and wait for a while until the client has closed the connection."""
        if (sent := self.conn.close_sent) is not None:
            event: Any = {"type": "websocket.disconnect", "code": sent.code, "reason": sent.reason, "ours": True}
            self.queue.put_nowait(event)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.resume_reading()
        self.close_timer = self.loop.call_later(LINGER, self.transport.close)

    def send_keepalive_ping(self) -> None:
        """Ping the client, unless earlier data still waits to be sent, which happens where the client doesn't read.
        While the service itself isn't reading, because the database is unavailable, the client doesn't count as
        silent."""
        if self.read_paused:
            self._heard = self.loop.time()
        if self._patience and self.loop.time() - self._heard > self._patience:
            self.keepalive_timeout()
            self.loop.call_later(LINGER, self.transport.abort)
        elif self.transport.get_write_buffer_size():
            self.schedule_ping()
        else:
            super().send_keepalive_ping()

    def _parse(self) -> None:
        """Parse what has arrived, for a while."""
        began = perf_counter()
        while self._rest:
            if self.handshake_initiated and not self.handshake_complete:
                self.transport.pause_reading()
                return
            self._parse_step()
            if perf_counter() - began > LONG:
                self._step = max(STEPS[0], self._step // 2)
                self._rest_for_others()
                return
        self._step = min(STEPS[1], 2 * self._step)

    def _parse_step(self) -> None:
        step, self._rest = self._rest[: self._step], self._rest[self._step :]
        super().data_received(step)
        if self.conn.parser_exc is not None or self.transport.is_closing():
            self._rest = b""

    def _rest_for_others(self) -> None:
        """Let others have a turn before parsing goes on."""
        if not self.transport.is_closing():
            self._resting = True
            self.transport.pause_reading()
            self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        self._resting = False
        self._parse()
        if self._resting:
            return
        if self.read_paused and self.queue.empty():
            self.read_paused = False
        if not self.read_paused and not self.transport.is_closing():
            self.transport.resume_reading()

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer the handshake with a status and a sentence, and end the connection."""
        self._refused("websocket", "handshake")
        response = self.conn.reject(status, msgspec.json.encode(plain_problem(status, detail)).decode())
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = MEDIA_TYPE
        if status == HTTPStatus.UPGRADE_REQUIRED:
            response.headers.update({"Upgrade": "websocket", "Sec-WebSocket-Version": VERSION})
        self.handshake_initiated = self.handshake_complete = self.close_sent = True
        self.transport.write(response.serialize())
        self.transport.close()
