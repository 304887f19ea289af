"""Logs a line for each answer, in which no secret is."""

import re
from time import perf_counter
from typing import Any
from urllib.parse import unquote_plus

import structlog
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from service.access.keys import without_keys

SECRET = frozenset(
    ("access_token", "api_key", "apikey", "auth", "key", "p", "password", "secret", "session", "sig", "token", "u")
)
"""The parameters whose values aren't logged, in small letters: those that are secret here, and those that are in other
services, for which clients are sometimes set up."""
HIDDEN = "***"
DEPTH = 3
"""How many addresses may be in one another's parameters, as in `/sign-in?next=…`; what is deeper isn't logged."""

log = structlog.stdlib.get_logger("access")


def logged(app: ASGIApp) -> ASGIApp:
    """The application, with a line in the log for each answer once it is sent, and for each WebSocket once it has
    ended. A status of 0 says that there was no answer, since the client had gone."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        began, status, size = perf_counter(), 0, 0

        async def send_counted(message: Any) -> None:
            nonlocal status, size
            match message["type"]:
                case "http.response.start" | "websocket.http.response.start":
                    status = message["status"]
                case "websocket.accept":
                    status = 101
                case "http.response.body" | "websocket.http.response.body":
                    size += len(message.get("body", b""))
                case "websocket.send":
                    size += len(message.get("bytes") or (message.get("text") or "").encode())
            await send(message)

        # what authentication takes out of the address is still there
        path = address(scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1"))
        client = scope["client"][0] if scope["client"] else ""
        method = scope["method"] if scope["type"] == ScopeType.HTTP else "GET"
        try:
            await app(scope, receive, send_counted)
        finally:
            seconds = round(perf_counter() - began, 6)
            log.info("answered", method=method, path=path, status=status, seconds=seconds, bytes=size, client=client)

    return answer


def address(path: str, query: str) -> str:
    """An address for the log: without the values of secret parameters, and without keys, wherever they are."""
    shown = without_keys(path, HIDDEN)
    return f"{shown}?{_parameters(query, DEPTH)}" if query else shown


def _parameters(query: str, depth: int) -> str:
    return "&".join(_parameter(one, depth) for one in query.split("&"))


def _parameter(text: str, depth: int) -> str:
    name, equals, value = text.partition("=")
    inner = unquote_plus(value if equals else name)
    if equals and unquote_plus(name).strip().lower() in SECRET:
        return f"{name}={HIDDEN}"
    if without_keys(unquote_plus(text), HIDDEN) == unquote_plus(text) and not _has_secrets(inner, depth):
        return text
    return f"{name}={HIDDEN}" if equals and re.fullmatch("[a-z_]+", name) else HIDDEN


def _has_secrets(value: str, depth: int) -> bool:
    """Whether a value is an address, or parameters, with secrets among them."""
    if "=" not in value and "%" not in value:
        return False
    query = value.partition("?")[2] or value
    return depth == 0 or _parameters(query, depth - 1) != query
