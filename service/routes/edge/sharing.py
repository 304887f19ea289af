"""Lets pages of other sites read answers, by CORS: https://fetch.spec.whatwg.org/#http-cors-protocol.

The framework's own way isn't used, since it replaces the Vary header of an answer, doesn't tell reading from writing,
and takes every OPTIONS for a preflight. Credentials are never shared: a page of another site brings a key of its own.
"""

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from service.access.origins import ANY, Origins
from service.routes.edge.headers import header, vary

READING = ("GET", "HEAD")
READERS_SEND = "Accept, Authorization, Cache-Control, If-None-Match, Last-Event-ID, Traceparent, X-Request-ID"
WRITERS_SEND = f"{READERS_SEND}, Content-Encoding, Content-Type, Idempotency-Key, If-Match"
WRITING = "GET, HEAD, POST, PUT, PATCH, DELETE"
SHOWN = (
    b"Content-Disposition, ETag, Link, Retry-After, Server-Timing, X-Chart-Error, X-Data-Until, X-Kept-From, "
    b"X-Request-ID, X-Total-Count"
)
"""The headers of answers that scripts may read."""
MAX_AGE = "600"
"""Seconds for which a browser may remember the answer to a preflight."""


def shared_with(app: ASGIApp, origins: Origins) -> ASGIApp:
    """The application with its answers readable by pages of these origins, errors too: those of readers may read, those
    that are trusted may write as well."""
    if not origins.readers and not origins.trusted:
        return app

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
        elif (allowed := _preflight(origins, scope)) is not None:
            await send({"type": "http.response.start", "status": 204, "headers": allowed})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await app(scope, receive, _sharing(origins, scope, send))

    return answer


def _preflight(origins: Origins, scope: HTTPScope) -> list[tuple[bytes, bytes]] | None:
    """The headers of the answer to a preflight that allows what it asks for; None for any other request, and where it
    isn't allowed: then the browser misses these headers in the usual answer to OPTIONS."""
    origin, method = header(scope, b"origin"), header(scope, b"access-control-request-method")
    if scope["method"] != "OPTIONS" or origin is None or method is None:
        return None
    trusted = origin.lower() in origins.trusted
    if not trusted and not (method in READING and origins.may_read(origin)):
        return None
    named = {
        "access-control-allow-origin": origin if trusted or ANY not in origins.readers else ANY,
        "access-control-allow-methods": WRITING if trusted else ", ".join(READING),
        "access-control-allow-headers": WRITERS_SEND if trusted else READERS_SEND,
        "access-control-max-age": MAX_AGE,
        "vary": "Origin, Access-Control-Request-Method",
    }
    return [(name.encode(), value.encode("latin-1")) for name, value in named.items()]


def _sharing(origins: Origins, scope: HTTPScope, send: Send) -> Send:
    """Sends an answer with the headers that let a page read it."""
    origin, reads = header(scope, b"origin"), scope["method"] in READING
    everybody = reads and ANY in origins.readers
    if everybody:
        allowed: str | None = ANY
    elif origin is not None and (origins.may_read(origin) if reads else origin.lower() in origins.trusted):
        allowed = origin
    else:
        allowed = None

    async def share(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [*message["headers"]]
            if allowed is not None:
                headers.append((b"access-control-allow-origin", allowed.encode("latin-1")))
                headers.append((b"access-control-expose-headers", SHOWN))
            message["headers"] = headers if everybody else vary(headers, b"Origin")
        await send(message)

    return share
