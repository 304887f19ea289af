"""Answers HEAD at every address that has GET, for uptime monitors and link checkers, and adds HEAD to the answer to
OPTIONS."""

from collections.abc import Iterable, Mapping

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send


def allowed_methods(methods: Iterable[str]) -> list[str]:
    """The methods that are allowed at an address with handlers for `methods`, sorted."""
    there = {one for one in methods if one.isupper()}
    return sorted(there | {"HEAD"} if "GET" in there else there)


def with_head(app: ASGIApp, methods: Mapping[str, Iterable[str]]) -> ASGIApp:
    """The application with HEAD answered like GET, with the same headers; the server leaves out the body. `methods`
    maps the template of each address to its methods.

    A body that is sent in parts is ended after the first, so that a HEAD doesn't read a year of readings.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and scope["method"] == "OPTIONS":
            await app(scope, receive, _allowing(scope, send, methods))
            return
        if scope["type"] != ScopeType.HTTP or scope["method"] != "HEAD":
            await app(scope, receive, send)
            return
        done = False

        async def send_head(message: Message) -> None:
            nonlocal done
            if done:
                return
            if message["type"] == "http.response.body":
                done = True
                message["more_body"] = False
            await send(message)

        asked: HTTPScope = {**scope, "method": "GET"}
        try:
            await app(asked, receive, send_head)
        finally:
            if (template := asked.get("path_template")) is not None:
                scope["path_template"] = template  # for those around, who go by it

    return answer


def _allowing(scope: HTTPScope, send: Send, methods: Mapping[str, Iterable[str]]) -> Send:
    """Sends the answer to OPTIONS with all methods. The framework's own answer lacks HEAD, and methods of an address
    with several handlers."""

    async def send_allowed(message: Message) -> None:
        if message["type"] == "http.response.start":
            known = methods.get(scope.get("path_template", ""))  # absent where there is nothing at the address
            message["headers"] = [
                (
                    name,
                    ", ".join(allowed_methods(known or text.decode().split(", "))).encode()
                    if name == b"allow"
                    else text,
                )
                for name, text in message["headers"]
            ]
        await send(message)

    return send_allowed
