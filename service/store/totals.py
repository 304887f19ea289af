"""Reads what a period comes to, and whether anything was written."""

from datetime import datetime

import msgspec

from service.period.selection import Selection
from service.store.pool import Pool


class Worst(msgspec.Struct, frozen=True):
    """The minute, of those that are over, in which fact stayed furthest below plan; a fact that is missing is 0."""

    minute: datetime
    plan: float
    fact: float


class Totals(msgspec.Struct, frozen=True):
    """What the minutes of a period that are over add up to; None where none of them has a plan, or a fact.

    `readings` counts those of the other minutes, too. `until` is when the last minute that counts was over: the end of
    the period, or the beginning of the running minute.
    """

    plan: float | None
    fact: float | None
    readings: int
    worst: Worst | None
    until: datetime

    @property
    def fulfilment(self) -> float | None:
        """Fact as a share of plan, in per cent; None where nothing was planned."""
        return None if not self.plan or self.fact is None else 100 * self.fact / self.plan


class Glances:
    """Small looks at everything, for those who leave a page open."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def totals(self, selection: Selection, now: datetime) -> Totals:
        """The totals of a period of whole minutes, as they are at `now`; see sql/queries/totals.sql for what is due."""
        [row] = await self._pool.read("totals", selection.start, selection.end, selection.series, now)
        worst = None if row["worst"] is None else Worst(row["worst"], row["worst_plan"], row["worst_fact"])
        until = min(selection.end, now.replace(second=0, microsecond=0))
        return Totals(row["plan"], row["fact"], row["readings"], worst, until)

    async def any(self) -> bool:
        """Whether there is any reading."""
        [[found]] = await self._pool.read("any_readings")
        return bool(found)

    async def committed(self) -> str:
        """Text that differs after every commit, by whatever replica."""
        [[text]] = await self._pool.read("committed")
        return str(text)
