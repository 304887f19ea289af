"""Refreshes the rollups after late readings."""

from datetime import datetime
from functools import partial

from service.store.conflicts import insist
from service.store.pool import WORK_TIMEOUT, Pool
from service.store.queries import query

ROLLUPS = {
    "minute_rollup": "minutes",
    "quarter_rollup": "quarters",
    "quarter_total": "quarters",
    "hour_rollup": "hours",
    "day_rollup": "days",
}
"""Each rollup with its unit. A rollup comes after those that it is computed from."""


class Rollups:
    """Refreshes what TimescaleDB's own jobs don't refresh, or not soon enough."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def refresh_late(self) -> int:
        """Refresh the rollups where late readings came, and return on how many days there were any."""
        days = await self._pool.read("late_days")
        for day in days:
            for rollup in ROLLUPS:
                await insist(partial(self._refresh, rollup, day["first"], day["last"]))
            await self._pool.execute("clear_late", day["buckets"], day["versions"])
        return len(days)

    async def _refresh(self, rollup: str, first: datetime, last: datetime) -> None:
        """Refresh a rollup for late readings of the minutes from `first` to `last`, which lie on one day."""
        units = ROLLUPS[rollup]
        async with self._pool.connection() as con:
            [windows] = await con.fetch(query("late_windows"), first, last, timeout=WORK_TIMEOUT)
            begin, end = windows[f"{units}_from"], windows[f"{units}_until"]
            if begin < end:
                await con.execute(query("refresh_rollup"), rollup, begin, end, timeout=WORK_TIMEOUT)
