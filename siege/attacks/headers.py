"""Heads of requests that are long to parse. A part of them is sent twice: longer than a head may be, and as long."""

import asyncio

from siege.target import Assault, Target
from siege.wire import ask, request

FITS = 60_000
"""Characters that fit into a head."""


def _ask(target: Target, path: str, fields: dict[str, str] | None = None) -> Assault:
    sent = request("GET", path, fields=fields)

    async def assault() -> str:
        return " ".join(sorted(set(await asyncio.gather(*(ask(target, sent) for _ in range(5))))))

    return assault


def accept(target: Target) -> Assault:
    """An `Accept` of 1 MB."""
    sent = request("GET", "/chart", fields={"Accept": "a/b;q=0.5," * 100_000})
    return lambda: ask(target, sent)


def accept_that_fits(target: Target) -> Assault:
    """Five times an `Accept` of 60 KB, for an error."""
    return _ask(target, "/chart?x=1", {"Accept": "a/b;q=0.5," * (FITS // 10)})


def encodings(target: Target) -> Assault:
    """Five times an `Accept-Encoding` of 60 KB."""
    return _ask(target, "/chart?format=json", {"Accept-Encoding": "a," * (FITS // 2)})


def tags(target: Target) -> Assault:
    """Five times an `If-None-Match` with 20,000 tags."""
    return _ask(target, "/chart?format=json", {"If-None-Match": '"",' * (FITS // 3)})


def cookies(target: Target) -> Assault:
    """Five times 30,000 cookies."""
    return _ask(target, "/", {"Cookie": "a;" * (FITS // 2), "Accept": "text/html"})


def parameters(target: Target) -> Assault:
    """Five times a query with 30,000 parameters."""
    return _ask(target, "/display?" + "a&" * (FITS // 2), {"Accept": "text/html"})


def series(target: Target) -> Assault:
    """Five times a query with 6,000 series."""
    return _ask(target, "/chart?" + "series=a&" * (FITS // 9))


def offsets(target: Target) -> Assault:
    """Five times a time with 20,000 offsets."""
    return _ask(target, "/chart?from=now" + "-1h" * (FITS // 3))


def zone(target: Target) -> Assault:
    """Five times a zone of 60 KB."""
    return _ask(target, "/chart?tz=" + "A/" * (FITS // 2))


ATTACKS = (accept, accept_that_fits, encodings, tags, cookies, parameters, series, offsets, zone)
