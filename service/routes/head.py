"""HEAD at every address that has GET, for uptime monitors and link checkers; and OPTIONS, which names it too."""

from collections.abc import Iterable, Mapping

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send


def answered(methods: Iterable[str]) -> list[str]:
    """The methods that an address with handlers for these answers, in order."""
    there = {one for one in methods if one.isupper()}
    return sorted(there | {"HEAD"} if "GET" in there else there)


def with_head(app: ASGIApp, methods: Mapping[str, Iterable[str]]) -> ASGIApp:
    """The application, with HEAD answered as GET is, headers and all; of a body the server sends nothing then.
    `methods`: those of each address, by its template.

    A body in parts ends with the first, so that nobody reads a year of readings for it.
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
        await app(asked, receive, send_head)

    return answer


def _allowing(scope: HTTPScope, send: Send, methods: Mapping[str, Iterable[str]]) -> Send:
    """Send the answer to OPTIONS. The framework's own knows neither of HEAD nor, where an address has several handlers,
    of all of them."""

    async def send_allowed(message: Message) -> None:
        if message["type"] == "http.response.start":
            known = methods.get(scope.get("path_template", ""))  # there is none where nothing is at the address
            message["headers"] = [
                (name, ", ".join(answered(known or text.decode().split(", "))).encode() if name == b"allow" else text)
                for name, text in message["headers"]
            ]
        await send(message)

    return send_allowed
