"""What whatever answers at an address says first, for a sentence about it where it isn't a WebSocket service."""

import re
from typing import Any

from websockets.asyncio.client import ClientConnection

MOST_QUOTED = 60
"""The most bytes that are kept, and quoted."""
_TLS = re.compile(rb"[\x15\x16]\x03[\x00-\x04]")
"""How an alert or a handshake begins: https://www.rfc-editor.org/rfc/rfc8446#section-5.1."""


class FirstWords:
    """The first bytes that came over a connection. `made` says whether there was one."""

    def __init__(self, said: bytes = b"") -> None:
        self.made, self.said = bool(said), said[:MOST_QUOTED]

    def connection(self, *args: Any, **kwargs: Any) -> ClientConnection:
        """A connection that keeps its first bytes here."""
        return _Listening(self, *args, **kwargs)

    def describe(self) -> str:
        """What is there, of which nobody could make a WebSocket."""
        if not self.said:
            return "the connection was closed without an answer (is it the port of the service?)"
        if _TLS.match(self.said):
            return "what answers there speaks TLS (is the address wss:// or https://?)"
        if self.said.startswith(b"HTTP/"):
            return "connection lost in the middle of an answer"
        return self._quote()

    def describe_silence(self) -> str:
        """What is there, where it keeps the connection open, but no WebSocket comes of it in time."""
        if not self.said:
            return "the connection was made, but nothing answers there (is it the port of the service?)"
        return "what answers there doesn't finish its answer" if self.said.startswith(b"HTTP/") else self.describe()

    def describe_excess(self) -> str:
        """What is there, where its first line, another one, or their number is longer than those of a service."""
        if self.said.startswith(b"HTTP/"):
            return "what answers there sends more than a WebSocket service does"
        return self.describe()

    def _quote(self) -> str:
        line = self.said.splitlines()[0].decode("latin-1")
        said = f", but says {line!r}" if line.isprintable() else ""
        return f"what answers there isn't a WebSocket service{said}"


class _Listening(ClientConnection):
    def __init__(self, first: FirstWords, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._first = first

    def connection_made(self, transport: Any) -> None:
        self._first.made = True
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        if len(self._first.said) < MOST_QUOTED:
            self._first.said = (self._first.said + data)[:MOST_QUOTED]
        super().data_received(data)
