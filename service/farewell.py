"""uvicorn's WebSocket protocol, with one more manner: a client that is sent a close code in the middle of its own frame
gets to read it. To close with unread input makes TCP reset the connection, and the code is lost on the way."""

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

LINGER = 5.0
"""Seconds for a client to end what it is sending; it is thrown away."""


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """Lingers after a frame that is too large, or that breaks the protocol."""

    def data_received(self, data: bytes) -> None:
        """After such a frame nothing counts any more."""
        if self.conn.parser_exc is None:
            super().data_received(data)

    def eof_received(self) -> None:
        """The client has nothing more to send, and so has read the code or never will."""
        if self.conn.parser_exc is not None:
            self.transport.close()

    def handle_parser_exception(self) -> None:
        """Send the close code, and wait for the client to be done."""
        if (sent := self.conn.close_sent) is not None:
            told: Any = {"type": "websocket.disconnect", "code": sent.code, "reason": sent.reason, "ours": True}
            self.queue.put_nowait(told)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.resume_reading()
        self.close_timer = self.loop.call_later(LINGER, self.transport.close)
