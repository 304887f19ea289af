"""Reads the buckets of a chart."""

from collections.abc import Sequence
from datetime import timedelta

from service.buckets import Bucket
from service.period import Period
from service.store.pool import Pool


class Buckets:
    """The rollups, as charts see them: exact at any moment."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(self, period: Period, agg: str, series: Sequence[str] | None) -> list[Bucket]:
        """The buckets of a period that have readings, in order."""
        rows = await self._pool.read(
            f"buckets_from_{period.relation}s",
            timedelta(seconds=period.seconds),
            period.start,
            period.end,
            series,
            period.origin,
            period.zone_of_days,
            agg,
        )
        return [Bucket(*row) for row in rows]
