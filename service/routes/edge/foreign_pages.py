"""Keeps pages of other sites from writing and from connecting through a visitor's browser."""

from collections.abc import Callable

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from service.access.origins import Origins
from service.errors import ForeignPage, quoted
from service.metrics import Metrics
from service.routes.edge.headers import header
from service.routes.websocket_handshake import LIVE, refuse

READING = ("GET", "HEAD", "OPTIONS")
"""The methods that write nothing."""


def without_foreign_pages(origins: Origins, metrics: Metrics) -> Callable[[ASGIApp], ASGIApp]:
    """A middleware of the framework, so that a refusal is answered and counted like every other error of the route,
    before its body is read. A handshake is refused with an HTTP answer."""

    def around(app: ASGIApp) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            reads = scope["type"] == ScopeType.HTTP and scope["method"] in READING
            page = None if reads else _foreign_page(origins, scope)
            if page is None:
                await app(scope, receive, send)
            elif scope["type"] == ScopeType.HTTP:
                raise page
            else:
                await refuse(send, metrics, page, LIVE if scope["path"] == LIVE else "websocket")

        return answer

    return around


def _foreign_page(origins: Origins, scope: Scope) -> ForeignPage | None:
    """The refusal of a request from a page of another site; None for any other request."""
    site, origin = header(scope, b"sec-fetch-site"), header(scope, b"origin")
    if site is None and origin is None:
        return None
    socket = scope["type"] == ScopeType.WEBSOCKET
    host, secure = header(scope, b"host") or "", scope["scheme"] in ("https", "wss")
    if not origins.is_foreign(site, origin, host, secure=secure, socket=socket):
        return None
    whose = "a page that doesn't say where it is from" if origin in (None, "null") else quoted(origin or "")
    return ForeignPage(
        f"This came from another site's page ({whose}), which may not {'connect' if socket else 'write'} here; "
        "TRUSTED_ORIGINS names those that may."
    )
