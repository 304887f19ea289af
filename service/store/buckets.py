"""Reads the buckets of a chart."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

import asyncpg

from service.period.bucket import Bucket, Numbers, Panel
from service.period.selection import SeriesFilter
from service.period.steps import STEPS, Period
from service.store.pool import Pool
from service.store.series import names_of

_UNITS = {
    "minute": timedelta(minutes=1),
    "quarter": timedelta(minutes=15),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
_LONG = STEPS["1M"]
"""From this step on a period is read in whole days; only the few days that lie in two steps are read in smaller
buckets."""


class Buckets:
    """Reads buckets from the rollups, corrected by what the rollups don't have yet, so that they are always exact."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(self, period: Period, agg: str, series: SeriesFilter, panels: int | None = None) -> Numbers:
        """The buckets of a period, of all the series together or, with `panels`, in at most that many panels."""
        names = await names_of(self._pool, series)
        together = names is None and panels is None and agg != "last"
        async with self._pool.snapshot() as snapshot:
            unit: str = period.relation
            asked = (period.edges, period.start, period.end, names, panels, snapshot.upto)
            if together and unit in ("quarter", "hour"):
                unit = "quarter"
                rows = await snapshot.read(
                    "buckets_from_totals", period.edges, period.start, period.end, snapshot.upto, together=True, agg=agg
                )
            elif unit != "day" and period.seconds >= _LONG:
                days = _days_of(period.edges)
                rows = await snapshot.read(
                    "buckets", *asked, days, size=unit, with_days=True, together=together, agg=agg
                )
                unit = "day"
            else:
                rows = await snapshot.read("buckets", *asked, size=unit, together=together, agg=agg)
            newest = _newest(rows)
            if newest is not None and unit != "minute":
                end = min(newest + _UNITS[unit], period.end)
                [[newest]] = await snapshot.read("newest_fact", newest, end, names)
        return Numbers(tuple(_panels(rows, period.edges)), newest and _end_of_minute(newest))


def _newest(rows: Sequence[asyncpg.Record]) -> datetime | None:
    """The beginning of the newest bucket that has a fact."""
    return max((row["newest"] for row in rows if row["newest"] is not None), default=None)


def _end_of_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0) + _UNITS["minute"]


def _days_of(edges: Sequence[datetime]) -> list[datetime]:
    """The days (UTC) within which one of the edges lies."""
    return sorted({edge.replace(hour=0, minute=0) for edge in edges if edge.hour or edge.minute})


def _panels(rows: Sequence[asyncpg.Record], edges: Sequence[datetime]) -> list[Panel]:
    """One panel for each run of rows with the same name."""
    return [
        Panel(
            name,
            others,
            tuple(Bucket(edges[row["number"] - 1], row["plan"], row["fact"], row["readings"]) for row in some),
        )
        for (name, others), some in groupby(rows, lambda row: (row["name"], row["others"]))
    ]
