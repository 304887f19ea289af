"""Adds to every answer what keeps it from being misused by other pages, and from being kept for somebody else."""

from collections.abc import Awaitable, Callable
from functools import lru_cache

from litestar.enums import ScopeType
from litestar.types import Message, Scope

from service.access.frames import NOBODY, OURSELVES
from service.access.grants import Grant
from service.routes.edge.headers import Headers, vary

FRAME_OPTIONS = {NOBODY: b"DENY", OURSELVES: b"SAMEORIGIN"}
"""The same for browsers that don't know frame-ancestors, which knows more."""


def guarding(frame_ancestors: str) -> Callable[[Message, Scope], Awaitable[None]]:
    """What is done with each answer before it is sent. HTML may be framed by `frame_ancestors`, in the words of a
    Content-Security-Policy; further policies in an answer hold as well."""
    for_html = [
        (b"content-security-policy", f"frame-ancestors {frame_ancestors}".encode()),
        (b"referrer-policy", b"same-origin"),
    ]
    if options := FRAME_OPTIONS.get(frame_ancestors):
        for_html.append((b"x-frame-options", options))

    async def guard(message: Message, scope: Scope) -> None:
        if message["type"] != "http.response.start" or scope["type"] != ScopeType.HTTP:
            return
        headers = [*message["headers"], (b"x-content-type-options", b"nosniff")]
        for name, value in message["headers"]:
            if name == b"content-type" and value.startswith(b"text/html"):
                headers += for_html
        grant: Grant | None = scope.get("auth")
        message["headers"] = headers if grant is None or grant.is_everybodys else _private(headers)

    return guard


def _private(headers: Headers) -> Headers:
    """The headers of an answer that isn't for everybody. Files under marked names are, whoever asks."""
    control, varying, others = b"no-cache", b"", []
    for one in headers:
        match one[0]:
            case b"cache-control":
                control = one[1]
            case b"vary":
                varying = b"%b, %b" % (varying, one[1]) if varying else one[1]
            case _:
                others.append(one)
    if b"immutable" in control:
        return headers
    return [*others, (b"cache-control", _kept_by_one(control)), (b"vary", _varying(varying))]


@lru_cache(maxsize=256)
def _kept_by_one(control: bytes) -> bytes:
    """A Cache-Control by which nobody but the caller keeps the answer."""
    given = [part for one in control.split(b",") if (part := one.strip()) not in (b"public", b"private")]
    return b", ".join([b"private", *given])


@lru_cache(maxsize=256)
def _varying(given: bytes) -> bytes:
    """A Vary by which the answer isn't given to callers with other credentials."""
    [(_, value)] = vary([(b"vary", given)] if given else [], b"Authorization", b"Cookie")
    return value
