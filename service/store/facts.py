"""Reads when the newest fact came, and how far apart facts usually are."""

from datetime import UTC, datetime, timedelta

from service.store.database import DatabaseServer
from service.store.pool import Pool
from service.store.series import SINCE

_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
WINDOW = timedelta(hours=6)
"""How long before the newest fact the facts are looked at to find the usual gap."""

Names = tuple[str, ...] | None


class Facts:
    """The facts of some series, or of all where the names are None."""

    def __init__(self, pool: Pool, server: DatabaseServer) -> None:
        self._pool, self._since = pool, SINCE[server.edition]

    async def newest(self, minute: datetime, series: Names) -> datetime | None:
        """The time of the newest fact in a minute."""
        return await self._newest(minute, minute + _MINUTE, series)

    async def newest_of_all(self, series: Names) -> datetime | None:
        """The time of the newest fact up to now; it looks as far back as series.SINCE says."""
        now = datetime.now(UTC)
        today = now.replace(hour=0, minute=0, second=0, microsecond=0)
        [[day]] = await self._pool.read("newest_fact_day", today - self._since, today + _DAY, series)
        return None if day is None else await self._newest(day, min(now, day + _DAY), series)

    async def gap(self, newest: datetime, series: Names) -> timedelta | None:
        """How far apart facts usually are, to the minute; None where there are too few to tell."""
        end = newest.replace(second=0, microsecond=0) + _MINUTE
        [[seconds]] = await self._pool.read("pace", end - WINDOW, end, series)
        return None if seconds is None else timedelta(seconds=seconds)

    async def _newest(self, start: datetime, end: datetime, series: Names) -> datetime | None:
        [[found]] = await self._pool.read("newest_fact", start, end, series)
        return None if found is None else found.astimezone(UTC)
