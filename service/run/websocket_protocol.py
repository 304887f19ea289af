"""uvicorn's WebSocket protocol, improved for clients that send without ever reading, or without waiting for an answer.

Four things are different. A client that is closed in the middle of its own frame can read the close code: the rest of
the frame is received first, because closing a socket with unread data resets the connection, and the code would be
lost. Data that arrives before the handshake is answered is kept. Any data counts as a sign of life, not only a pong.
The answer to a refused handshake says why it is refused.

This module uses methods and attributes that uvicorn doesn't document; pyproject.toml names the versions that have them,
and tests/run/test_uvicorn.py names each of them.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import msgspec
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

from service.problems import MEDIA_TYPE, plain_problem

LINGER = 5.0
"""Seconds that a closed client has to read the close code. What it sends meanwhile is discarded."""
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
        self._early = b""
        self._heard = self.loop.time()
        # uvicorn's own timeout would end connections that answer no pings
        self._patience, self.ping_timeout = self.ping_timeout, None

    def data_received(self, data: bytes) -> None:
        """Receive data, which is kept while the handshake isn't answered yet, and ignored after a refusal."""
        self._heard = self.loop.time()
        if self.conn.parser_exc is not None:
            return
        if self.handshake_initiated and not self.handshake_complete:
            self._early += data
            self.transport.pause_reading()
            return
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            why = self.conn.handshake_exc.__cause__ or self.conn.handshake_exc
            self._refuse(HTTPStatus.BAD_REQUEST, f"This can't be read as a WebSocket's handshake: {why}.")

    async def send(self, message: Any) -> None:
        """Send a message of the application. The first one answers the handshake, after which data that came early is
        received."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = self.close_sent = True  # otherwise uvicorn would log an error for every refusal
        if self._early and self.handshake_complete:
            early, self._early = self._early, b""
            if not self.close_sent:
                self.transport.resume_reading()
                self.data_received(early)

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
