"""Sends a request to the service's address over HTTP, for what doesn't go over its WebSocket."""

import base64
import time
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import unquote, urlencode, urlsplit
from urllib.request import ProxyHandler, Request, build_opener

import msgspec

from emitter.errors import NotFinished
from emitter.producer import Link, Rejected
from emitter.producer.link import is_local

TIMEOUT = 90.0
"""Seconds that an answer may take; the service gives a correction less than a minute, after others."""
SHORTEST, LONGEST = 0.5, 10.0
"""Seconds between two attempts."""
_SCHEMES = {"ws": "http", "wss": "https"}


def put(link: Link, path: str, parameters: dict[str, str], body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    """The answer to a PUT, which is tried again while the service is away or busy, for the link's patience. Raises
    Rejected where the key isn't enough, and NotFinished where the request is refused, or isn't answered."""
    request = Request(_address(link, path, parameters), body, {**headers, **_key(link)}, method="PUT")  # noqa: S310
    opener = build_opener(ProxyHandler({})) if is_local(link.url) else build_opener()
    give_up = time.monotonic() + (link.patience or 0.0)
    while True:
        try:
            with opener.open(request, timeout=TIMEOUT) as answer:
                found: dict[str, Any] = msgspec.json.decode(answer.read(), type=dict[str, Any])
                return found
        except HTTPError as exc:
            pause, why = _refusal(link, exc)
        except (OSError, HTTPException) as exc:
            pause, why = SHORTEST, f"{link.name} doesn't answer: {exc}"
        if time.monotonic() + pause > give_up:
            raise NotFinished(why)
        time.sleep(pause)


def _refusal(link: Link, answer: HTTPError) -> tuple[float, str]:
    """After how many seconds to try again, and why it failed. Raises where trying again is useless."""
    problem = answer.read()
    try:
        detail = str(msgspec.json.decode(problem)["detail"])
    except (ValueError, KeyError, TypeError):
        detail = f"{answer.code} {answer.reason}"
    if answer.code in (401, 403):
        raise Rejected(f"{link.name} refuses this: {detail} See {link.credential}.")
    if answer.code not in (408, 425, 429) and answer.code < 500:
        raise NotFinished(f"The service refuses this: {detail}")
    wait = answer.headers.get("Retry-After", "")
    return min(LONGEST, max(SHORTEST, float(wait) if wait.isdigit() else SHORTEST)), detail


def _address(link: Link, path: str, parameters: dict[str, str]) -> str:
    parts = urlsplit(link.url)
    host = parts.netloc.rpartition("@")[2]
    root = parts.path.removesuffix("/ws").rstrip("/")
    return f"{_SCHEMES[parts.scheme]}://{host}{root}{path}?{urlencode(parameters)}"


def _key(link: Link) -> dict[str, str]:
    """The header with the key: the token, or the user and password in the address."""
    parts = urlsplit(link.url)
    if link.token:
        return {"Authorization": f"Bearer {link.token}"}
    if parts.username or parts.password:
        pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}
    return {}
