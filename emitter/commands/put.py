"""Sends a request to the service's address over HTTP, for what doesn't go over its WebSocket."""

import base64
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import BadStatusLine, HTTPException, LineTooLong, RemoteDisconnected
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlencode, urlsplit
from urllib.request import OpenerDirector, ProxyHandler, Request, build_opener

import msgspec
import structlog

from emitter.errors import NotFinished
from emitter.producer import Link, Rejected
from emitter.producer.backoff import retry_after
from emitter.producer.failures import describe
from emitter.producer.first_words import FirstWords
from emitter.producer.link import is_local, shown_address
from emitter.producer.printable import printable

TIMEOUT = 90.0
"""Seconds that an answer may take; the service gives a correction less than a minute, after others."""
SLOW = 5.0
"""Seconds after which it is said that there is no answer yet."""
SHORTEST, LONGEST = 0.5, 10.0
"""Seconds between two attempts."""
_SCHEMES = {"ws": "http", "wss": "https"}

log = structlog.get_logger()


class Replaced(msgspec.Struct, frozen=True):
    """The answer to a correction: how many readings went, how many lost a value, and how many came."""

    removed: int
    changed: int
    written: int


def put(link: Link, path: str, parameters: dict[str, str], body: bytes, headers: dict[str, str]) -> Replaced:
    """The answer to a PUT, which is tried again while the service is away or busy, for the link's patience; why it
    waits is logged once. Raises Rejected where the key isn't enough, and NotFinished where the request is refused, or
    isn't answered."""
    request = Request(_address(link, path, parameters), body, {**headers, **_key(link)}, method="PUT")  # noqa: S310
    opener = build_opener(ProxyHandler({})) if is_local(link.url) else build_opener()
    patience = link.patience or 0.0
    give_up, told = time.monotonic() + patience, ""
    while True:
        try:
            return _replaced(link, opener, request)
        except (OSError, HTTPException) as exc:
            pause, why = SHORTEST, f"{link.name} doesn't answer: {_describe(exc)}"
        except _Busy as exc:
            pause, why = exc.pause, exc.detail
        if time.monotonic() + pause > give_up:
            raise NotFinished(why)
        if why != told:
            log.warning(f"{why.rstrip('.')}; trying again for up to {patience:g} s")
            told = why
        time.sleep(pause)


class _Busy(NotFinished):
    """The service has no room now; `pause` is in seconds."""

    def __init__(self, detail: str, pause: float) -> None:
        super().__init__(detail)
        self.pause = pause


def _replaced(link: Link, opener: OpenerDirector, request: Request) -> Replaced:
    try:
        with _told_where_slow(link), opener.open(request, timeout=TIMEOUT) as answer:
            status, found = f"HTTP {answer.status} {answer.reason}", answer.read()
    except HTTPError as exc:
        raise _refusal(link, exc) from exc
    try:
        return msgspec.json.decode(found, type=Replaced)
    except msgspec.DecodeError as exc:
        raise NotFinished(printable(f"what answers at {link.name} isn't a Taktline ({status.rstrip()})")) from exc


@contextmanager
def _told_where_slow(link: Link) -> Iterator[None]:
    """Say that there is no answer yet, where it takes long."""
    words = f"{link.name} hasn't answered yet; waiting for up to {TIMEOUT:g} s"
    telling = threading.Timer(SLOW, log.warning, [words])
    telling.daemon = True
    telling.start()
    try:
        yield
    finally:
        telling.cancel()


def _refusal(link: Link, answer: HTTPError) -> NotFinished | Rejected:
    """The error for an answer that is none of success; a _Busy where it may be another one later."""
    try:
        detail = str(msgspec.json.decode(answer.read())["detail"])
    except (ValueError, KeyError, TypeError, OSError, HTTPException):
        detail = f"{answer.code} {answer.reason}"
    detail = printable(detail)
    if answer.code in (401, 403):
        return Rejected(f"{link.name} refuses this: {detail} See {link.credential}.")
    if answer.code < 400:
        leads = printable(shown_address(answer.headers.get("Location", "")) or "another address")
        return NotFinished(f"what answers at {link.name} leads to {leads}: give the address to which it leads")
    if answer.code not in (408, 425, 429) and answer.code < 500:
        return NotFinished(f"The service refuses this: {detail}")
    asked = retry_after(answer.headers.get("Retry-After")) or 0.0
    return _Busy(detail, min(LONGEST, max(SHORTEST, asked)))


def _describe(failure: OSError | HTTPException) -> str:
    """A failure in a few words, of which some may be the other side's."""
    reason = failure.reason if isinstance(failure, URLError) and isinstance(failure.reason, OSError) else failure
    match reason:
        case RemoteDisconnected():
            return FirstWords().describe()
        case BadStatusLine():
            return FirstWords(str(reason.args[0]).encode("latin-1", "replace")).describe()
        case LineTooLong():
            return "what answers there sends longer lines than a service does"
        case TimeoutError():
            return f"no answer within {TIMEOUT:g} s"
        case _:
            return describe(reason)


def _address(link: Link, path: str, parameters: dict[str, str]) -> str:
    parts = urlsplit(link.url)
    host = parts.netloc.rpartition("@")[2]
    root = quote(parts.path.removesuffix("/ws").rstrip("/"), safe="/%:@!$&'()*+,;=~")
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
