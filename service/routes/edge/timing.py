"""Measures how long requests take."""

from time import perf_counter

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from service.metrics import Metrics


def timed(app: ASGIApp, metrics: Metrics) -> ASGIApp:
    """The application, with its requests counted by how long they take, until the whole answer is with the server's
    connection. Of a stream without an end, such as the events of the live page, that is until its client goes."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        began = perf_counter()
        try:
            await app(scope, receive, send)
        finally:
            metrics.request(scope.get("path_template") or "unknown", scope["method"], perf_counter() - began)

    return answer
