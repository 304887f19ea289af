"""The handshake of WebSockets: their addresses, the subprotocol, and how a handshake is refused."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send
from litestar.utils import normalize_path

from service.errors import NoSocket, TaktlineError
from service.metrics import Metrics
from service.problems import MEDIA_TYPE, headers, problem
from service.routes.credentials import KEY_PROTOCOL

ADDRESSES = ("/", "/ws")
"""The addresses that accept readings."""
ENDED = (4401, "The key was revoked, or has expired.")
"""The close code of a connection whose key has ended, and its reason."""
LIVE = "/live"
"""The address that sends the events of the live page."""
SUBPROTOCOL = "taktline.v1"
"""The only subprotocol; clients that offer none speak it as well."""


def subprotocol_for(offered: Sequence[str]) -> str | None:
    """The subprotocol for a client that offers these: ours, or else the one by which a script in a browser sends its
    key, since browsers end a connection for which none of theirs was chosen. None where there is neither: RFC 6455
    forbids a server to choose one that wasn't offered, and the others aren't supported here; most libraries go on
    without a subprotocol."""
    if SUBPROTOCOL in offered:
        return SUBPROTOCOL
    return next((one for one in offered if one.startswith(KEY_PROTOCOL)), None)


async def refuse(send: Any, metrics: Metrics, error: TaktlineError, where: str = "websocket") -> None:
    """Refuse a handshake with an HTTP answer and the status of the error; a close code before accept() would always
    become 403. `where` is the label of the counter."""
    metrics.refused(where, error.reason)
    names = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store", **headers(error)}
    start = {
        "type": "websocket.http.response.start",
        "status": error.status,
        "headers": [(name.lower().encode(), value.encode()) for name, value in names.items()],
    }
    await send(start)
    await send({"type": "websocket.http.response.body", "body": msgspec.json.encode(problem(error))})


def at_addresses(app: ASGIApp, metrics: Metrics) -> ASGIApp:
    """The application, with handshakes refused at addresses that have no WebSocket."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.WEBSOCKET and normalize_path(scope["path"]) not in (*ADDRESSES, LIVE):
            there = " and ".join(ADDRESSES)
            error = NoSocket(f"There is no WebSocket at {scope['path']}; readings are taken by the ones at {there}.")
            await refuse(send, metrics, error)
        else:
            await app(scope, receive, send)

    return answer
