"""Reads the buckets of a chart."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby

import asyncpg

from service.buckets import Bucket, Numbers, Panel
from service.period import Period
from service.store.pool import Pool

_UNITS = {
    "minute": timedelta(minutes=1),
    "quarter": timedelta(minutes=15),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}


class Buckets:
    """The rollups, as charts see them: exact at any moment."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(self, period: Period, agg: str, series: Sequence[str] | None, panels: int | None = None) -> Numbers:
        """The buckets of a period: of all the series together, or in at most so many panels."""
        if series is None and panels is None and agg != "last" and period.relation in ("quarter", "hour"):
            unit = "quarter"
            rows = await self._pool.read("buckets_from_totals", period.edges, period.start, period.end, agg)
        else:
            unit = period.relation
            rows = await self._pool.read(
                f"buckets_from_{unit}s", period.edges, period.start, period.end, series, agg, panels
            )
        newest = max((row["newest"] for row in rows), default=None)
        until = newest and await self._until(newest, unit, series)
        return Numbers(tuple(_panels(rows, period.edges)), until)

    async def _until(self, newest: datetime, unit: str, series: Sequence[str] | None) -> datetime:
        """The end of the minute of the newest reading, which is in a unit that begins at `newest`."""
        end = newest + _UNITS[unit]
        if unit == "minute":
            return end
        [[until]] = await self._pool.read("newest_reading", newest, end, series)
        return until or end  # it was deleted since


def _panels(rows: Sequence[asyncpg.Record], edges: Sequence[datetime]) -> list[Panel]:
    """The rows of a panel follow each other."""
    return [
        Panel(
            name,
            others,
            tuple(Bucket(edges[row["number"] - 1], row["plan"], row["fact"], row["readings"]) for row in some),
        )
        for (name, others), some in groupby(rows, lambda row: (row["name"], row["others"]))
    ]
