"""Gives each request an id, by which its answer, the lines that the service logs for it, and the logs of others belong
together."""

import re
import secrets
from typing import Any

import structlog
from litestar.types import ASGIApp, Receive, Scope, Send

REQUEST_ID = "request_id"
"""Where the id is in the scope of a request, and under what name in the log."""
HEADER = b"x-request-id"
MOST = 128
"""The most characters of an id."""
_ID = re.compile(rb"[ -~]{1,%d}" % MOST)
_TRACE = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_ANSWERS = frozenset(("http.response.start", "websocket.accept", "websocket.http.response.start"))


def identified(app: ASGIApp) -> ASGIApp:
    """The application, with an id for each request and each handshake: the one that came in `X-Request-ID`, otherwise
    the trace of a `traceparent` (https://www.w3.org/TR/trace-context/), otherwise a new one. The answer has it in
    `X-Request-ID`."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        request_id = _given(scope) or secrets.token_hex(16)
        scope["request_id"] = request_id  # type: ignore[typeddict-unknown-key]
        # it isn't taken back: each request has a task of its own, in which the server may yet log its failure
        structlog.contextvars.bind_contextvars(**{REQUEST_ID: request_id})
        named = (HEADER, request_id.encode())

        async def send_named(message: Any) -> None:
            if message["type"] in _ANSWERS:
                message["headers"] = [*message.get("headers", ()), named]
            await send(message)

        await app(scope, receive, send_named)

    return answer


def _given(scope: Scope) -> str | None:
    """The id that the client, or a proxy before it, has chosen; None where there is none, or it can't be one."""
    trace = None
    for name, value in scope["headers"]:
        if name == HEADER:
            if (given := value.strip()) and _ID.fullmatch(given):
                return given.decode()
        elif name == b"traceparent" and (found := _TRACE.fullmatch(value.strip())):
            trace = found[1].decode()
    return trace
