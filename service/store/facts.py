"""Reads when the newest fact came, and how far apart facts usually are."""

from datetime import UTC, datetime, timedelta
from typing import cast

from service.period.selection import SeriesFilter
from service.store.database import DatabaseServer
from service.store.pool import Pool
from service.store.reading_pool import reread
from service.store.series import SINCE, Reader, names_of
from service.store.snapshot import Snapshot

_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
WINDOW = timedelta(hours=6)
"""How long before the newest fact the facts are looked at to find the usual gap."""
_NEAR = (timedelta(seconds=10), timedelta(minutes=10))
"""How long before the end of a period, or before now, its newest fact is looked for first. Where readings come fast,
the whole period has so many that it takes long to read."""


async def newest_of_series(
    snapshot: Snapshot, start: datetime, end: datetime, names: tuple[str, ...] | None
) -> dict[str, datetime]:
    """The end of the newest minute with a fact, of each of these series, or of all, that has one in a period of whole
    minutes."""
    rows = await snapshot.read("newest_of_series", start, end, names, snapshot.upto)
    return {name: minute + _MINUTE for name, minute in rows}


class Facts:
    """The facts of some series, or of all."""

    def __init__(self, pool: Pool, server: DatabaseServer) -> None:
        self._pool, self._since = pool, SINCE[server.edition]

    async def newest(self, minute: datetime, series: SeriesFilter) -> datetime | None:
        """The time of the newest fact in a minute, or the minute itself where its readings aren't kept any more."""
        found = await self._newest(minute, minute + _MINUTE, await names_of(self._pool, series))
        return minute if found is None and await self._is_gone(minute) else found

    @reread
    async def newest_of_all(self, series: SeriesFilter) -> datetime | None:
        """The time of the newest fact up to now; it looks as far back as series.SINCE says."""
        now = datetime.now(UTC)
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        names = await names_of(self._pool, series)
        async with self._pool.snapshot() as snapshot:
            asked = (today - self._since, today + _DAY, names, snapshot.upto)
            [[day]] = await snapshot.read("newest_fact_day", *asked)
        if day is None:
            return None
        found = await self._newest(day, min(now, day + _DAY), names)
        if found is None and await self._is_gone(day):
            minutes = await self.newest_by_series(day, day + _DAY, SeriesFilter(names))
            return max(minutes.values(), default=day + _DAY) - _MINUTE
        return found

    @reread
    async def newest_by_series(self, start: datetime, end: datetime, series: SeriesFilter) -> dict[str, datetime]:
        """The end of the newest minute with a fact, of each series that has one in a period of whole minutes."""
        names = await names_of(self._pool, series)
        async with self._pool.snapshot() as snapshot:
            return await newest_of_series(snapshot, start, end, names)

    @reread
    async def gap(self, newest: datetime, series: SeriesFilter) -> timedelta | None:
        """How far apart facts usually are, to the minute; None where there are too few to tell."""
        end = newest.replace(second=0, microsecond=0) + _MINUTE
        names = await names_of(self._pool, series)
        async with self._pool.snapshot() as snapshot:
            [[seconds]] = await snapshot.read("pace", end - WINDOW, end, names, snapshot.upto)
        return None if seconds is None else timedelta(seconds=seconds)

    @reread
    async def _is_gone(self, moment: datetime) -> bool:
        async with self._pool.snapshot() as snapshot:
            return snapshot.kept.readings is not None and moment < snapshot.kept.readings

    async def _newest(self, start: datetime, end: datetime, names: tuple[str, ...] | None) -> datetime | None:
        found = await newest_fact(self._pool, start, end, names)
        return None if found is None else found.astimezone(UTC)


async def newest_fact(reader: Reader, start: datetime, end: datetime, names: tuple[str, ...] | None) -> datetime | None:
    """The time of the newest fact in a period of at most a day, of these series or, where that is None, of all."""
    near = min(end, datetime.now(UTC))
    for first in (*(near - before for before in _NEAR), start):
        first = max(first, start)
        if first < end:
            [[found]] = await reader.read("newest_fact", first, end, names)
            if found is not None:
                return cast("datetime", found)
            end = first
    return None
