"""uvicorn's HTTP protocol, which here does four things differently. Where a request asks for an upgrade that the
service doesn't support, the upgrade is ignored and the request is answered as usual. An answer to HTTP/1.0, which has
no chunked encoding, ends with the connection. A request that the service can't finish any more when it stops is
answered with 503. And a client may not take too much: see http_limits.py.

httptools takes whatever follows the head of a request with `Upgrade` for another protocol. uvicorn then loses the body,
or reads it as the next request: https://github.com/Kludex/uvicorn/issues/2722. A server may ignore an upgrade (RFC
9110, 7.8). This module uses methods and attributes that uvicorn doesn't document; pyproject.toml names the versions
that have them, and tests/run/test_uvicorn.py names each of them.
"""

import socket
import struct
from functools import partial
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from service.errors import Draining
from service.routes.edge.request_ids import REQUEST_ID
from service.run.http_limits import LimitedHttp, error_answer

NO_PROXY = "CONNECT is for proxies, and this is none."


class HttpProtocol(LimitedHttp):
    """One HTTP connection, which may be upgraded to a WebSocket and to nothing else."""

    async def refuse(self) -> None:
        """Answer the present request with 503, unless its answer has begun: the application has no time left for it."""
        cycle = self.cycle
        if cycle is None or cycle.response_started or cycle.disconnected or self.flow.write_paused:
            return
        error, cycle.keep_alive = Draining(), False
        self._refused(str(cycle.scope.get("path_template", "unknown")), error.reason)
        body, fields = error_answer(error)
        if (request_id := cycle.scope.get(REQUEST_ID)) is not None:
            fields["X-Request-ID"] = str(request_id)
        named = [(name.lower().encode(), value.encode()) for name, value in fields.items()]
        await cycle.send({"type": "http.response.start", "status": error.status, "headers": named})
        await cycle.send({"type": "http.response.body", "body": body, "more_body": False})

    def _read(self, data: bytes) -> bytes:
        """Parse data. Returns what has to be parsed next, where parsing has stopped after the head of a request with an
        upgrade."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            return self._decide(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        return b""

    def _decide(self, rest: bytes) -> bytes:
        """Upgrade to a WebSocket, which receives `rest`; otherwise return the request without its upgrade, to be parsed
        again."""
        if self.scope["method"] == "CONNECT":
            self.send_400_response(NO_PROXY)
        elif self._is_for_a_websocket():
            make: Any = self.ws_protocol_class
            self.ws_protocol_class = partial(make, place=self._place)  # type: ignore[assignment]
            self._hold.release()
            self.handle_websocket_upgrade()
            if rest and not self.transport.is_closing():
                self.transport.get_protocol().data_received(rest)  # type: ignore[attr-defined]
        else:
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn does with its own parser
            return self._head_without_upgrade() + rest
        return b""

    def on_headers_complete(self) -> None:
        """Begin to answer, unless the request asks for an upgrade: then _decide() does."""
        if self.parser.should_upgrade():
            self.scope["method"] = self.parser.get_method().decode("ascii")
            self.scope["http_version"] = self.parser.get_http_version()
        else:
            self._begun += 1
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End the request's body. httptools calls this after a head with an upgrade as well, where no body has
        ended."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _is_for_a_websocket(self) -> bool:
        """Whether this is a WebSocket handshake, which is a GET without a body, and all earlier requests have been
        answered."""
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
    """The application, made to answer in `cycle` without chunked encoding and without `100 Continue`."""
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
    """Reset the connection, so that the client notices that its answer is incomplete: an orderly close would mark its
    end."""
    lingering = struct.pack("ii", 1, 0)
    cycle.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, lingering)
    cycle.transport.abort()
