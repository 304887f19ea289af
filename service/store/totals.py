"""Reads what a period comes to, and whether anything was written."""

from datetime import datetime

import msgspec

from service.selection import Selection
from service.store.pool import Pool


class Worst(msgspec.Struct, frozen=True):
    """The minute in which fact stayed furthest below plan."""

    minute: datetime
    plan: float
    fact: float


class Totals(msgspec.Struct, frozen=True):
    """What the readings of a period add up to; None where no reading had a plan, or a fact."""

    plan: float | None
    fact: float | None
    readings: int
    worst: Worst | None

    @property
    def fulfilment(self) -> float | None:
        """Fact as a share of plan, in per cent."""
        return None if not self.plan or self.fact is None else 100 * self.fact / self.plan


class Glances:
    """Small looks at everything, for those who leave a page open."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def totals(self, selection: Selection) -> Totals:
        """The totals of a period of whole minutes."""
        [row] = await self._pool.read("totals", selection.start, selection.end, selection.series)
        worst = None if row["worst"] is None else Worst(row["worst"], row["worst_plan"], row["worst_fact"])
        return Totals(row["plan"], row["fact"], row["readings"], worst)

    async def any(self) -> bool:
        """Whether there is any reading."""
        [[found]] = await self._pool.read("any_readings")
        return bool(found)

    async def committed(self) -> str:
        """Text that differs after every commit, by whatever replica."""
        [[text]] = await self._pool.read("committed")
        return str(text)
