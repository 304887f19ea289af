"""Reads the numbers of all sites together, in the place of a database."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import count

import httpx
import msgspec
import structlog

from service.errors import BadRequest, Unavailable
from service.federation.asking import AskedSite, SiteAway
from service.federation.site_numbers import SiteNumbers, added_up, asked
from service.federation.sites import ALL, Site, by_site, named, unnamed
from service.metrics import Metrics
from service.period.bucket import BucketQuestion, Numbers
from service.period.kept import Kept, common
from service.period.selection import SeriesFilter

LOOK_EVERY = 10.0
"""Seconds between two looks at all sites, so that it is known whether they answer where nobody asks."""
CONNECTIONS = 32
"""The most connections to all sites together."""
_LOOK = [("from", "2100-01-01T00:00Z"), ("until", "2100-01-01T00:01Z")]
"""A question that costs nothing, and whose answer is the same each time."""

log = structlog.stdlib.get_logger("sites")


class SitesAway(Unavailable):
    """None of the sites answers."""

    reason = "sites_away"
    retry_after = 5


class Federation:
    """All sites."""

    def __init__(self, sites: Iterable[AskedSite]) -> None:
        self._sites = {one.site.name: one for one in sites}
        self._reads = count()
        self._told: set[str] = set()
        """The sites of which the log says already that they are others."""

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the sites, in the order of the setting."""
        return tuple(self._sites)

    @property
    def away(self) -> dict[str, str]:
        """The sites that are away, each with why, in a sentence."""
        same = self._same()
        found = {name: one.away or same.get(name) for name, one in self._sites.items()}
        return {name: why for name, why in found.items() if why is not None}

    async def read(self, question: BucketQuestion) -> Numbers:
        """The numbers of a question, by the sites of its series. Those that are away are named among the numbers.
        SitesAway where all of them are; BadRequest where the question is wrong, or one of them can't answer it."""
        names = question.series.names
        chosen = by_site(names, self.names)
        found = await asyncio.gather(
            *(self._sites[site].ask(asked(question, series), question.period) for site, series in chosen.items()),
            return_exceptions=True,
        )
        first = self._first(zip(chosen, found, strict=True))
        here: dict[str, SiteNumbers] = {}
        same = self._same()
        away: dict[str, str] = {}
        for site, numbers in zip(chosen, found, strict=True):
            match numbers:
                case SiteAway():
                    away[site] = numbers.detail
                case BaseException():
                    raise numbers
                case _ if (other := first.get(numbers.installation or "", site)) != site:
                    away[site] = _is(site, other)
                case _ if site in same:
                    away[site] = same[site]
                case _:
                    here[site] = numbers
        if not here:
            raise SitesAway(" ".join(away.values()))
        together = added_up(question, here)
        return msgspec.structs.replace(together, away=tuple(away), unnamed=unnamed(names, tuple(away)))

    def _first(self, found: Iterable[tuple[str, SiteNumbers | BaseException]]) -> dict[str, str]:
        """Of each installation the site that is shown, of those that have answered one and the same question: the first
        of the setting. What is known of others doesn't count here, since either may have gone or come meanwhile, and
        none may count twice."""
        answered = dict(found)
        first: dict[str, str] = {}
        for name in self._sites:
            numbers = answered.get(name)
            if isinstance(numbers, SiteNumbers) and numbers.installation is not None:
                first.setdefault(numbers.installation, name)
        return first

    def _same(self) -> dict[str, str]:
        """The sites that are another one by another address, as far as all have answered, each with a sentence that
        says so. Of such sites the first of the setting that isn't away is shown, since all that is there would count
        twice."""
        first: dict[str, str] = {}
        found: dict[str, str] = {}
        for name, one in self._sites.items():
            if one.away is not None or one.installation is None:
                continue
            if (other := first.setdefault(one.installation, name)) != name:
                found[name] = _is(name, other)
        return found

    def check(self, names: Sequence[str] | None) -> None:
        """BadRequest where one of these names of series is of no site."""
        by_site(names, self.names)

    def kept(self, series: SeriesFilter) -> Kept:
        """From when on all the sites of these series keep what. BadRequest where one of the names is of no site."""
        return common(self._sites[name].kept for name in by_site(series.names, self.names))

    async def series(self, _: tuple[str, ...] | None = None) -> list[str]:
        """The names to choose from: each site as a whole, and its series as far as it answers."""
        found = await asyncio.gather(*(one.series() for one in self._sites.values()), return_exceptions=True)
        names, same = [], self._same()
        for site, series in zip(self._sites, found, strict=True):
            names.append(named(site, ALL))
            if site in same:
                continue
            if isinstance(series, BaseException) and not isinstance(series, SiteAway | BadRequest):
                raise series
            if not isinstance(series, BaseException):
                names += [named(site, one) for one in series if one != ALL]  # of which the whole site has the name
        return names

    async def committed(self) -> str:
        """Another text each time: whether anything was committed at a site is only known there, and it is asked with
        the tag of what is known."""
        return str(next(self._reads))

    async def look(self) -> None:
        """Ask all sites for next to nothing, to know whether they answer."""
        await asyncio.gather(*(_look(one) for one in self._sites.values()))
        same = self._same()
        for name in same.keys() - self._told:
            log.warning("two sites are the same, and the second isn't shown", why=same[name])
        self._told |= same.keys()

    async def keep_looking(self) -> None:
        """Go on looking, until cancelled."""
        while True:
            try:
                await self.look()
            except Exception:
                log.exception("looking at the sites failed")
            await asyncio.sleep(LOOK_EVERY)


def _is(site: str, other: str) -> str:
    return f"{site} is {other} by another address, and what is there counts once."


async def _look(site: AskedSite) -> None:
    with suppress(SiteAway, BadRequest):
        await site.ask(_LOOK)


@asynccontextmanager
async def open_federation(sites: Iterable[Site], metrics: Metrics) -> AsyncIterator[Federation]:
    """Ask these sites until the block ends. None of them has to be there when it begins."""
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=60)
    async with httpx.AsyncHTTPTransport(ssl.create_default_context(), trust_env=False, limits=limits) as http:
        federation = Federation([AskedSite(site, http, metrics) for site in sites])
        metrics.watch_sites(federation.names, lambda: federation.away)
        looking = asyncio.create_task(federation.keep_looking())
        try:
            yield federation
        finally:
            looking.cancel()
            with suppress(asyncio.CancelledError):
                await looking
