"""How far behind the rollups are, and the standby servers of the database."""

from datetime import UTC, datetime, timedelta

import msgspec

from service.store.database import DatabaseServer
from service.store.pool import Pool

MOST_LAG = timedelta(hours=1)
"""How old the first reading may be that isn't materialised, for what is newer to be kept close to the present. More is
for TimescaleDB's jobs."""
NOTHING_YET = datetime(2, 1, 1, tzinfo=UTC)
"""The watermark of a rollup that isn't materialised at all: see sql/functions/005_watermark.community.sql."""


async def is_far_behind(pool: Pool, watermark: datetime, now: datetime) -> bool:
    """Whether there are readings after the watermark that are older than MOST_LAG."""
    recent = now - MOST_LAG
    if watermark >= recent:
        return False
    [[marked]] = await pool.read("any_late_between", watermark, recent)
    if marked:
        return True
    # where nothing is materialised, all old readings were late; to look for them would be planned for all chunks
    return watermark > NOTHING_YET and await any_between(pool, watermark, recent)


async def any_between(pool: Pool, start: datetime, end: datetime) -> bool:
    """Whether there is any reading in a period."""
    [[found]] = await pool.read("any_between", start, end)
    return bool(found)


class Standby(msgspec.Struct, frozen=True):
    """A standby server, by its name and address, and how far behind it is; None where it hasn't said so. `seconds` is
    None, too, while it has everything."""

    name: str
    address: str
    seconds: float | None
    bytes: float | None


class Lags:
    """How far behind rollups and standby servers are now. Each question is answered within so many seconds, or raises
    Unavailable."""

    def __init__(self, pool: Pool, server: DatabaseServer) -> None:
        self._pool, self._server = pool, server

    async def rollups(self, within: float) -> list[tuple[str, float]]:
        """Each rollup that is materialised at all, and the seconds since its watermark; none on the Apache edition,
        where rollups are views."""
        if self._server.edition != "community":
            return []
        return [(row["rollup"], row["seconds"]) for row in await self._pool.ask("watermark_lag", within=within)]

    async def standbys(self, within: float) -> list[Standby]:
        """The standby servers that the role may see; the embedded engine has none."""
        if self._server.embedded:
            return []
        return [Standby(*row) for row in await self._pool.ask("standbys", within=within)]
