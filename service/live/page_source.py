"""Where the live page has from what it shows beside its chart: from a database or, over several sites, from the numbers
of charts alone."""

from datetime import datetime, timedelta
from typing import Protocol

from service.live.freshness import Freshness, freshness
from service.period.kept import ALL_KEPT, Kept
from service.period.selection import Selection, SeriesFilter
from service.store import Excerpt, Store
from service.store.totals import Totals


class PageSource(Protocol):
    """What there is beside charts."""

    @property
    def kept(self) -> Kept:
        """From when on rollups are kept."""

    async def freshness(self, until: datetime | None, series: SeriesFilter, before: Freshness | None) -> Freshness:
        """How fresh some series are; `until` is the end of the minute of the newest fact that the chart shows."""

    async def totals(self, selection: Selection, now: datetime) -> Totals | None:
        """The totals of all minutes of a period; None where those of the chart are all there is."""

    async def newest(self, selection: Selection, most: int) -> Excerpt | None:
        """The newest records; None where they are elsewhere."""

    async def has_readings(self, patterns: tuple[str, ...] | None) -> bool:
        """Whether there has ever been a reading of a series that matches one of the patterns, or any reading."""


class StoreSource:
    """All of it, from a database."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def kept(self) -> Kept:
        return self._store.retention.kept

    async def freshness(self, until: datetime | None, series: SeriesFilter, before: Freshness | None) -> Freshness:
        return await freshness(self._store.facts, until, series, before)

    async def totals(self, selection: Selection, now: datetime) -> Totals | None:
        return await self._store.overview.totals(selection, now)

    async def newest(self, selection: Selection, most: int) -> Excerpt | None:
        return await self._store.records.at(0, most, selection, down=True)

    async def has_readings(self, patterns: tuple[str, ...] | None) -> bool:
        return await self._store.overview.has_readings(patterns)


class ChartSource:
    """What charts tell by themselves, in a view over several sites: these have the records, and refuse what they don't
    keep."""

    kept = ALL_KEPT

    async def freshness(self, until: datetime | None, series: SeriesFilter, before: Freshness | None) -> Freshness:
        """To the minute. How far apart facts usually are isn't known, and so not when the next one is overdue; a series
        that is silent is seen on the wall, and at its site."""
        return Freshness(None if until is None else until - timedelta(minutes=1), None, 0)

    async def totals(self, selection: Selection, now: datetime) -> Totals | None:
        return None

    async def newest(self, selection: Selection, most: int) -> Excerpt | None:
        return None

    async def has_readings(self, patterns: tuple[str, ...] | None) -> bool:
        """Yes: nobody begins here, so that no page says how."""
        return True
