"""The beginning of a WebSocket: at which addresses there is one, in which subprotocol, and how one is refused."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send
from litestar.utils import normalize_path

from service.errors import NoSocket, TaktlineError
from service.metrics import Metrics
from service.problems import MEDIA_TYPE, headers, problem

ADDRESSES = ("/", "/ws")
"""Where readings are taken."""
LIVE = "/live"
"""Where the live page is told what is new."""
SUBPROTOCOL = "taktline.v1"
"""The one there is; who offers none speaks it all the same."""


def chosen(offered: Sequence[str]) -> str | None:
    """The subprotocol for a client that offers these. None where ours isn't among them: to choose one that wasn't
    offered, RFC 6455 forbids, and to choose one that isn't spoken here would be a lie. Browsers then end the
    connection; most libraries don't mind."""
    return SUBPROTOCOL if SUBPROTOCOL in offered else None


async def refuse(send: Any, metrics: Metrics, error: TaktlineError) -> None:
    """An HTTP answer instead of a socket, with the true status: a close code before accept() would come out as 403."""
    metrics.refused("websocket", error.reason)
    names = {"Content-Type": MEDIA_TYPE, **headers(error)}
    start = {
        "type": "websocket.http.response.start",
        "status": error.status,
        "headers": [(name.lower().encode(), value.encode()) for name, value in names.items()],
    }
    await send(start)
    await send({"type": "websocket.http.response.body", "body": msgspec.json.encode(problem(error))})


def at_addresses(app: ASGIApp, metrics: Metrics) -> ASGIApp:
    """The application, asked for sockets only where there are some."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.WEBSOCKET and normalize_path(scope["path"]) not in (*ADDRESSES, LIVE):
            there = " and ".join(ADDRESSES)
            error = NoSocket(f"There is no WebSocket at {scope['path']}; readings are taken by the ones at {there}.")
            await refuse(send, metrics, error)
        else:
            await app(scope, receive, send)

    return answer
