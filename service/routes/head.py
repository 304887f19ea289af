"""HEAD at every address that has GET: uptime monitors and link checkers ask so."""

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send


def with_head(app: ASGIApp) -> ASGIApp:
    """The application, with HEAD answered as GET is, headers and all; of a body the server sends nothing then.

    A body in parts ends with the first, so that nobody reads a year of readings for it.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
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
