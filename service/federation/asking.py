"""Asks one site over HTTP. A site that doesn't answer is away: nothing of it is known then, and for a few seconds it
isn't asked again, so that nobody else waits for it."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

import httpx
import msgspec
import structlog
from cachetools import LRUCache

from service.errors import BadRequest, Fault, TaktlineError, bad_parameter
from service.federation.site_numbers import SiteNumbers
from service.federation.sites import Site
from service.metrics import Metrics
from service.period.kept import ALL_KEPT
from service.period.steps import Period

PATIENCE = 5.0
"""Seconds that a site has to answer."""
PAUSE = 5.0
"""Seconds after which a site that is away is asked again."""
MOST_BYTES = 32 * 2**20
"""The most bytes of an answer; nothing that is asked for comes near them."""
KEPT_BUCKETS = 100_000
"""Buckets that are kept of each site, of the answers to what was asked last; they hold as long as its tag says so."""

_TIMEOUTS = httpx.Timeout(2 * PATIENCE).as_dict()
"""So that even what patience doesn't end ends at some time."""

log = structlog.stdlib.get_logger("sites")
T = TypeVar("T")


class SiteAway(TaktlineError):
    """This site doesn't answer."""


class _Kept(msgspec.Struct, frozen=True):
    """An answer and its tag."""

    tag: str
    numbers: SiteNumbers


class AskedSite:
    """One site, and what was learnt of it. It is asked over the transport of httpx itself: the client above it would
    keep cookies and could follow redirects, which isn't wanted, and takes a quarter of the time of a request."""

    def __init__(
        self,
        site: Site,
        http: httpx.AsyncBaseTransport,
        metrics: Metrics,
        *,
        patience: float = PATIENCE,
        pause: float = PAUSE,
    ) -> None:
        self.site, self._http, self._metrics = site, http, metrics
        self._patience, self._pause = patience, pause
        self._kept: LRUCache[tuple[tuple[str, str], ...], _Kept] = LRUCache(KEPT_BUCKETS, getsizeof=_weight)
        self.away: str | None = None
        """Why the site is away, in a sentence; None where it answers, or hasn't been asked yet."""
        self.kept = ALL_KEPT
        """From when on it keeps what, as far as it is known."""
        self.installation: str | None = None
        """By what its installation is known, as far as it is."""
        self._again = 0.0
        """When a site that is away may be asked again, by the monotonic clock."""

    async def ask(self, parameters: Sequence[tuple[str, str]], period: Period | None = None) -> SiteNumbers:
        """Its numbers, by the parameters of `/buckets`, of the steps of this period. Raises SiteAway, which says why,
        and BadRequest where the site doesn't understand, or doesn't keep, what it is asked."""
        return await self._patiently(lambda: self._numbers(tuple(parameters), period))

    async def series(self) -> list[str]:
        """The names of its series to choose from, as it has them. Raises as ask() does."""
        return await self._patiently(self._series)

    async def _patiently(self, asking: Callable[[], Awaitable[T]]) -> T:
        if self.away is not None:
            if time.monotonic() < self._again:
                raise SiteAway(self.away)
            self._again = time.monotonic() + self._patience + self._pause  # one asks, and the others don't wait
        try:
            async with asyncio.timeout(self._patience):
                answer = await asking()
        except (TimeoutError, httpx.TimeoutException):
            raise self._gone(f"doesn't answer within {self._patience:g} seconds") from None
        except (httpx.HTTPError, OSError) as exc:
            raise self._gone(f"can't be reached: {_said(exc)}") from exc
        except _NOT_UNDERSTOOD as exc:
            raise self._gone("answers something that isn't understood here; its version may be another") from exc
        self._here()
        return answer

    async def _numbers(self, parameters: tuple[tuple[str, str], ...], period: Period | None) -> SiteNumbers:
        known = self._kept.get(parameters)
        tag, body = await self._get("/buckets", parameters, None if known is None else known.tag)
        if body is None and known is not None:
            return known.numbers
        numbers = msgspec.json.decode(body or b"", type=SiteNumbers)
        if period is not None and not numbers.fit(period):
            raise self._gone("has other steps than this view; its time zones may be of another year")
        self.kept, self.installation = numbers.kept, numbers.installation
        if tag is not None and tag.isascii():  # another couldn't be sent back
            made = _Kept(tag, numbers)
            if _weight(made) <= KEPT_BUCKETS:
                self._kept[parameters] = made
        return numbers

    async def _series(self) -> list[str]:
        _, body = await self._get("/live/series")
        return msgspec.json.decode(body or b"", type=_Names).series

    async def _get(
        self, path: str, parameters: tuple[tuple[str, str], ...] = (), known: str | None = None
    ) -> tuple[str | None, bytes | None]:
        """The tag and the body of an answer; without a body where it is that of the `known` tag."""
        headers = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": "taktline"}
        if known is not None:
            headers["If-None-Match"] = known
        if self.site.key is not None:
            headers["Authorization"] = f"Bearer {self.site.key}"
        try:
            address = httpx.URL(f"{self.site.url}{path}", params=parameters)
        except httpx.InvalidURL as exc:  # of the site's own address that is checked at start
            raise self._too_long() from exc
        request = httpx.Request("GET", address, headers=headers, extensions={"timeout": _TIMEOUTS})
        answer = await self._http.handle_async_request(request)
        try:
            body = await _body(answer)  # to its end, also where there is none, or the connection would be closed
        finally:
            await answer.aclose()
        tag = answer.headers.get("etag")
        if answer.status_code == 304 and known is not None:
            return tag, None
        if answer.status_code != 200:
            raise self._refused(answer.status_code, body)
        return tag, body

    def _refused(self, status: int, body: bytes) -> TaktlineError:
        """What an answer with another status means."""
        match status:
            case 400:
                return self._bad(body)
            case 401:
                return self._gone("wants another key than FEDERATE_KEYS has for it")
            case 403:
                return self._gone("doesn't let its key see this")
            case 404:
                return self._gone("has no /buckets: its Taktline is older than this one, it is a view itself, or none")
            case 414 | 431:
                self._here()
                return self._too_long()
            case 301 | 302 | 303 | 307 | 308:
                return self._gone("leads to another address; FEDERATE needs the one at which it answers")
            case _:
                return self._gone(f"answers with status {status}")

    def _too_long(self) -> BadRequest:
        return bad_parameter("series", f"so many long names are more than {self.site.name} can be asked for at once")

    def _bad(self, body: bytes) -> TaktlineError:
        try:
            said = msgspec.json.decode(body, type=_Problem)
        except _NOT_UNDERSTOOD:
            # as a port for TLS answers one who comes without it: that has nothing to do with the question
            return self._gone("answers with status 400")
        self._here()
        faults = [
            Fault(one.index, one.field, f"{self.site.name}: {one.detail}" if one.field != "series" else one.detail)
            for one in said.errors
        ]
        return BadRequest(f"{self.site.name}: {said.detail}", faults)

    def _here(self) -> None:
        if self.away is not None:
            log.info("a site answers again", site=self.site.name)
        self.away = None
        self._metrics.site_asked(self.site.name, away=False)

    def _gone(self, why: str) -> SiteAway:
        sentence = f"{self.site.name} {why}."
        if self.away is None:
            log.warning("a site is away", site=self.site.name, why=why)
        self.away, self._again = sentence, time.monotonic() + self._pause
        self._metrics.site_asked(self.site.name, away=True)
        return SiteAway(sentence)


_NOT_UNDERSTOOD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""How an answer fails to be read; the last one where it is nested too deep."""


class _Names(msgspec.Struct):
    """The answer of `/live/series`."""

    series: list[str]


class _Problem(msgspec.Struct):
    """The part of a problem that is passed on."""

    detail: str
    errors: list[Fault] = []


async def _body(answer: httpx.Response) -> bytes:
    made = bytearray()
    async for piece in answer.aiter_bytes():
        made += piece
        if len(made) > MOST_BYTES:
            raise httpx.ReadError("its answer is too large")
    return bytes(made)


def _said(exc: Exception) -> str:
    return (str(exc) or type(exc).__name__).rstrip(".")


def _weight(kept: _Kept) -> int:
    return 10 + sum(len(panel.buckets) for panel in kept.numbers.panels) + len(kept.numbers.notes)
