"""Keeps the rollups up to date."""

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
"""Each rollup, with its unit, after those that it is made of."""


class Rollups:
    """The work on rollups that TimescaleDB's own jobs don't do, or not soon enough."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def refresh_late(self) -> int:
        """Bring the rollups up to date where late readings came; how many days were refreshed."""
        days = await self._pool.read("late_days")
        for day in days:
            for rollup in ROLLUPS:
                await insist(partial(self._refresh, rollup, day["first"], day["last"]))
            await self._pool.execute("clear_late", day["buckets"], day["versions"])
        return len(days)

    async def _refresh(self, rollup: str, first: datetime, last: datetime) -> None:
        """Refresh a rollup where late readings came to the minutes of a day from `first` to `last`."""
        units = ROLLUPS[rollup]
        async with self._pool.connection() as con:
            [windows] = await con.fetch(query("late_windows"), first, last, timeout=WORK_TIMEOUT)
            begin, end = windows[f"{units}_from"], windows[f"{units}_until"]
            if begin < end:
                await con.execute(query("refresh_rollup"), rollup, begin, end, timeout=WORK_TIMEOUT)
