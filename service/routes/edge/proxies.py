"""Takes from trusted proxies what they say of the client, whose address then counts for rates and logs.

uvicorn's own way isn't used: with `*` it takes the address that a client may have written itself, and it leaves out
X-Forwarded-Host.
"""

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from service.access.proxies import Proxies
from service.routes.edge.headers import header

SECURE = {"https", "wss"}
SCHEMES = SECURE | {"http", "ws"}


def behind_proxies(app: ASGIApp, proxies: Proxies) -> ASGIApp:
    """The application behind these proxies. X-Forwarded-For, -Proto and -Host from elsewhere are ignored."""
    if not proxies:
        return app

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        peer = scope["client"]
        if peer is not None and proxies.trust(peer[0]):
            _believe(scope, proxies, peer[0])
        await app(scope, receive, send)

    return answer


def _believe(scope: Scope, proxies: Proxies, peer: str) -> None:
    forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
    if forwarded:
        scope["client"] = (proxies.client(peer, ",".join(forwarded)), 0)
    if (scheme := _last(scope, b"x-forwarded-proto").lower()) in SCHEMES:
        plain, encrypted = ("ws", "wss") if scope["type"] == ScopeType.WEBSOCKET else ("http", "https")
        scope["scheme"] = encrypted if scheme in SECURE else plain
    if host := _last(scope, b"x-forwarded-host"):
        others = [one for one in scope["headers"] if one[0] != b"host"]
        scope["headers"] = [*others, (b"host", host.encode("latin-1"))]


def _last(scope: Scope, name: bytes) -> str:
    """What the nearest proxy wrote: the last of the header's values."""
    return (header(scope, name) or "").rpartition(",")[2].strip()
