"""uvicorn's HTTP protocol, with three more manners: an upgrade that isn't taken is ignored, so that the request's body
is read as its body; an answer to HTTP/1.0, which knows no chunks, ends with the connection; and a request for which the
service has no time any more when it stops is answered with 503.

To httptools, whatever follows the head of a request with `Upgrade` is another protocol; uvicorn then loses the body, or
reads it as the next request: https://github.com/Kludex/uvicorn/issues/2722. RFC 9110, 7.8: an upgrade may be ignored.
Methods and attributes that uvicorn doesn't document are used here; pyproject.toml names the versions that have them,
and tests/run/test_uvicorn.py names each of them.
"""

import socket
import struct
from collections.abc import Callable
from typing import Any

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from service.errors import Draining
from service.problems import MEDIA_TYPE, headers, problem

NO_PROXY = "CONNECT is for proxies, and this is none."


class HttpProtocol(HttpToolsProtocol):
    """Upgrades to a WebSocket, and to nothing else. `refused` counts, by route and reason, what is refused here."""

    def __init__(self, *args: Any, refused: Callable[[str, str], None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._refused = refused

    async def refuse(self) -> None:
        """Answer the request under way, if it has no answer yet, on behalf of an app that has no time left for it."""
        cycle = self.cycle
        if cycle is None or cycle.response_started or cycle.disconnected or self.flow.write_paused:
            return
        error, cycle.keep_alive = Draining(), False
        self._refused(str(cycle.scope.get("path_template", "unknown")), error.reason)
        body = msgspec.json.encode(problem(error))
        told = {"Content-Type": MEDIA_TYPE, "Content-Length": str(len(body)), "Cache-Control": "no-store"}
        named = [(name.lower().encode(), value.encode()) for name, value in (told | headers(error)).items()]
        await cycle.send({"type": "http.response.start", "status": error.status, "headers": named})
        await cycle.send({"type": "http.response.body", "body": body, "more_body": False})

    def data_received(self, data: bytes) -> None:
        """Read on."""
        self._unset_keepalive_if_required()
        while data:
            data = self._read(data)

    def _read(self, data: bytes) -> bytes:
        """Parse it; what is to be parsed next, where that ended with the head of a request with an upgrade."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return self._decide(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        return b""

    def _decide(self, rest: bytes) -> bytes:
        """Take an upgrade, and `rest` with it; or what is to be parsed instead, the request without its upgrade."""
        if self.scope["method"] == "CONNECT":
            self.send_400_response(NO_PROXY)
        elif self._is_for_a_websocket():
            self.handle_websocket_upgrade()
            if rest and not self.transport.is_closing():
                self.transport.get_protocol().data_received(rest)  # type: ignore[attr-defined]
        else:
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
            return self._head_without_upgrade() + rest
        return b""

    def on_headers_complete(self) -> None:
        """Begin to answer, unless there is an upgrade to decide on first."""
        if self.parser.should_upgrade():
            self.scope["method"] = self.parser.get_method().decode("ascii")
            self.scope["http_version"] = self.parser.get_http_version()
        else:
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """The end of a body; that of a head with an upgrade is none."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _is_for_a_websocket(self) -> bool:
        """Whether it is a GET without a body, and every request before it has been answered."""
        values: dict[bytes, list[bytes]] = {}
        for name, value in self.headers:
            values.setdefault(name, []).append(value.lower())
        return (
            (self.scope["method"], self.scope["http_version"]) == ("GET", "1.1")
            and values[b"upgrade"] == [b"websocket"]
            and b"transfer-encoding" not in values
            and set(values.get(b"content-length", ())) <= {b"0"}
            and (self.cycle is None or self.cycle.response_complete)
        )

    def _head_without_upgrade(self) -> bytes:
        first = b"%b %b HTTP/%b\r\n" % (self.scope["method"].encode(), self.url, self.scope["http_version"].encode())
        others = (b"%b: %b\r\n" % header for header in self.headers if header[0] != b"upgrade")
        return b"%b%b\r\n" % (first, b"".join(others))

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        super()._start_asgi_task(cycle, app if cycle.scope["http_version"] == "1.1" else _until_closed(cycle, app))


def _until_closed(cycle: RequestResponseCycle, app: Any) -> Any:
    """The application, answering in `cycle` with neither chunks nor an interim answer."""
    cycle.chunked_encoding = cycle.keep_alive = cycle.waiting_for_100_continue = False

    async def run(scope: Any, receive: Any, send: Any) -> None:
        async def send_whole(message: Any) -> None:
            if message["type"] == "http.response.body":
                cycle.expected_content_length = len(message.get("body", b""))
            await send(message)

        try:
            await app(scope, receive, send_whole)
        except BaseException:
            if cycle.response_started:
                _reset(cycle)
            raise

    return run


def _reset(cycle: RequestResponseCycle) -> None:
    """End a connection so that the client sees that its answer broke off; one that is closed would be the end of it."""
    lingering = struct.pack("ii", 1, 0)
    cycle.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, lingering)
    cycle.transport.abort()
