"""How far behind the rollup of minutes is."""

from datetime import UTC, datetime, timedelta

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
