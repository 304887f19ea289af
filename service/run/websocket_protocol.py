"""uvicorn's WebSocket protocol, with a few manners more, for clients that send and never read, or don't wait.

A client that is sent a close code in the middle of its own frame gets to read it: to close with unread input makes TCP
reset the connection, and the code is lost on the way. What arrives before the handshake is answered is kept. Whatever
arrives is a sign of life, not only a pong. A handshake that can't be taken is told why.

Methods and attributes that uvicorn doesn't document are used here; pyproject.toml names the versions that have them,
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
"""Seconds for a client to end what it is sending, which is thrown away, or to read why it has to go."""
VERSION = "13"
"""Of the WebSocket protocol: https://www.rfc-editor.org/rfc/rfc6455."""
WRONG_VERSION = (
    f"Only version {VERSION} of the WebSocket protocol is understood: send Sec-WebSocket-Version: {VERSION}."
)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One connection. `refused` counts a handshake that is refused. It is pinged every `ws_ping_interval` seconds, and
    ended when for `ws_ping_timeout` seconds nothing at all has arrived from a client that was listened to."""

    def __init__(self, *args: Any, refused: Callable[[str, str], None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._refused = refused
        self._early = b""
        self._heard = self.loop.time()
        # uvicorn's own deadline is for pongs
        self._patience, self.ping_timeout = self.ping_timeout, None

    def data_received(self, data: bytes) -> None:
        """Frames, once the handshake is answered; after one that is refused nothing counts any more."""
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
        """Send on behalf of the application; with its first answer the handshake is over."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = self.close_sent = True  # or uvicorn would log an error for every refusal
        if self._early and self.handshake_complete:
            early, self._early = self._early, b""
            if not self.close_sent:
                self.transport.resume_reading()
                self.data_received(early)

    def eof_received(self) -> None:
        """The client has nothing more to send, and so has read the code or never will."""
        if self.conn.parser_exc is not None:
            self.transport.close()

    def handle_connect(self, event: Request) -> None:
        """Answer a handshake."""
        if event.headers.get_all("Sec-WebSocket-Version") != [VERSION]:
            self._refuse(HTTPStatus.UPGRADE_REQUIRED, WRONG_VERSION)
            return
        super().handle_connect(event)
        if self.response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._refused("websocket", "handshake")

    def handle_parser_exception(self) -> None:
        """Send the close code, and wait for the client to be done."""
        if (sent := self.conn.close_sent) is not None:
            told: Any = {"type": "websocket.disconnect", "code": sent.code, "reason": sent.reason, "ours": True}
            self.queue.put_nowait(told)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.resume_reading()
        self.close_timer = self.loop.call_later(LINGER, self.transport.close)

    def send_keepalive_ping(self) -> None:
        """Ping, unless an earlier ping has not even left: who doesn't read is sent no more than fits. While we don't
        read, because the database is away, it isn't the client that is silent."""
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
