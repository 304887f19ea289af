"""Reads single readings."""

from datetime import datetime

import msgspec

from service.store.pool import Pool


class Record(msgspec.Struct, frozen=True):
    """A reading as it is stored; `attributes` is JSON."""

    ts: datetime
    series: str
    plan: float | None
    fact: float | None
    attributes: msgspec.Raw | None


class Records:
    """The readings in their one order: by ts, and within an instant by id."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def page(self, number: int, per_page: int) -> list[Record]:
        """The records of page `number`, which counts from 1, newest first."""
        rows = await self._pool.read("page", per_page, (number - 1) * per_page)
        return [Record(row["ts"], row["series"], row["plan"], row["fact"], row["attributes"]) for row in rows]

    async def count(self) -> int:
        """How many readings there are."""
        [row] = await self._pool.read("count_readings")
        return int(row[0])
