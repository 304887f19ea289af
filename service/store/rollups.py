"""Refreshes the rollups after late readings."""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from service.intake.batch import Packed
from service.store.batches import ON_TIME
from service.store.conflicts import insist
from service.store.database import DatabaseServer
from service.store.lag import any_between, is_far_behind
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


CLOSEST = timedelta(seconds=10)
"""How close to the present rollups are refreshed: by so much more than ON_TIME of service/store/batches.py as a session
may be late to show that its transaction has begun."""
MOST_MARKS, MOST_RUNS = 100_000, 50
"""The most late minutes, and runs of days, that are refreshed in a round."""
AHEAD = {False: 15_000, True: 5_000}
"""How many readings of past days may be written before the rollups are refreshed, on a server and on the embedded
engine; what isn't refreshed makes queries slower."""
A_DAY = 200
"""As how many readings a day counts, however few readings it has, because it is refreshed and read by itself."""


class Rollups:
    """Refreshes what TimescaleDB's own jobs don't refresh, or not soon enough."""

    def __init__(self, pool: Pool, server: DatabaseServer) -> None:
        self._pool, self._has_marks = pool, server.edition == "community"
        self._alone = asyncio.Lock()
        self._ahead, self.most_ahead = 0, AHEAD[server.embedded]

    async def keep_up(self, batches: Sequence[Packed]) -> None:
        """Refresh the rollups if, with these batches, much of past days was written since that was last done."""
        days = set[int]().union(*(one.days() for one in batches))
        self._ahead += sum(one.count for one in batches) + A_DAY * len(days)
        if self._has_marks and self._ahead >= self.most_ahead:
            while await self.refresh_late() == MOST_RUNS:
                pass

    async def keep_close(self) -> None:
        """Refresh the rollup of minutes up to the last one that can be, sooner than TimescaleDB's job would, since
        every query reads what isn't materialised yet from the readings."""
        async with self._alone:
            [row] = await self._pool.read("refreshable", CLOSEST, ON_TIME)
            watermark, upto = row["watermark"], row["refreshable"]
            if upto <= watermark or await is_far_behind(self._pool, watermark, upto):
                return
            if not await any_between(self._pool, watermark, upto):
                return
            [marks] = await self._pool.read("late_since", upto)
            await insist(partial(self._pool.execute, "refresh_rollup", "minute_rollup", watermark, upto))
            await self._pool.execute("clear_late", marks["buckets"], marks["versions"])

    async def refresh_late(self) -> int:
        """Refresh the rollups where late readings came, and return for how many runs of days that was."""
        async with self._alone:
            ahead = self._ahead
            [row] = await self._pool.read("refreshable", CLOSEST, ON_TIME)
            runs = await self._pool.read("late_runs", MOST_MARKS, MOST_RUNS, row["refreshable"])
            for run in runs:
                for rollup in ROLLUPS:
                    await insist(partial(self._refresh, rollup, run["first"], run["last"]))
                await self._pool.execute("clear_late", run["buckets"], run["versions"])
            if len(runs) < MOST_RUNS:
                self._ahead -= ahead
        return len(runs)

    async def _refresh(self, rollup: str, first: datetime, last: datetime) -> None:
        """Refresh a rollup for late readings of the minutes from `first` to `last`."""
        units = ROLLUPS[rollup]
        async with self._pool.connection() as con:
            [windows] = await con.fetch(query("late_windows"), first, last, timeout=WORK_TIMEOUT)
            begin, end = windows[f"{units}_from"], windows[f"{units}_until"]
            if begin < end:
                await con.execute(query("refresh_rollup"), rollup, begin, end, timeout=WORK_TIMEOUT)
