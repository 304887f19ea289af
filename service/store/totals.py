"""Reads the totals of a period, whether there are any readings, and whether anything was committed."""

from datetime import datetime, timedelta

import msgspec

from service.period.selection import Selection, SeriesFilter
from service.period.standing import Standing
from service.store.pool import Pool
from service.store.reading_pool import reread
from service.store.series import names_of


class Worst(msgspec.Struct, frozen=True):
    """The minute in which fact was furthest below plan, of the minutes that are over. A missing fact counts as 0."""

    minute: datetime
    plan: float
    fact: float


class Totals(msgspec.Struct, frozen=True):
    """The sums over those minutes of a period that are over; None where none of them has a plan, or a fact.

    `readings` counts the readings of the running and future minutes as well. `until` is the end of the last minute in
    the sums: the end of the period, or the beginning of the running minute. `target` is all that is planned for the
    period; `passed` is the time of the minutes in the sums that have a plan or a fact, and `left` that of later ones
    with a plan. Where no minutes are kept, quarters, hours or days count in their place, and there is no worst one.
    """

    plan: float | None
    fact: float | None
    readings: int
    worst: Worst | None
    until: datetime
    target: float | None = None
    passed: timedelta = timedelta()
    left: timedelta = timedelta()

    @property
    def standing(self) -> Standing:
        """Where plan and fact stand."""
        return Standing(self.target, self.plan, self.fact, self.passed, self.left)

    @property
    def fulfilment(self) -> float | None:
        """Fact as a share of plan, in per cent; None where nothing was planned."""
        return None if not self.plan or self.fact is None else 100 * self.fact / self.plan


class Overview:
    """Reads what the live page asks for again and again."""

    def __init__(self, pool: Pool, primary: Pool) -> None:
        self._pool, self._primary = pool, primary

    @reread
    async def totals(self, selection: Selection, now: datetime) -> Totals:
        """The totals at `now` of a period of whole minutes; sql/queries/totals.sql says which minutes count."""
        names = await names_of(self._pool, selection.series)
        async with self._pool.snapshot() as snapshot:
            asked = (selection.start, selection.end, names, now, snapshot.upto)
            size = snapshot.kept.finest(selection.start)
            [row] = await snapshot.read("totals", *asked, size=size)
        is_minute = size == "minute" and row["worst"] is not None
        worst = Worst(row["worst"], row["worst_plan"], row["worst_fact"]) if is_minute else None
        until = min(selection.end, now.replace(second=0, microsecond=0))
        spans = row["passed"], row["remaining"]
        return Totals(row["plan"], row["fact"], row["readings"], worst, until, row["target"], *spans)

    async def has_readings(self, patterns: tuple[str, ...] | None) -> bool:
        """Whether there is any reading, or ever was one, of a series that matches one of the patterns; where these are
        None, whether there is any reading."""
        if patterns is not None:
            return bool(await names_of(self._pool, SeriesFilter(patterns=patterns)))
        [[found]] = await self._pool.read("any_readings")
        return bool(found)

    async def committed(self) -> str:
        """A text that differs after every commit, whichever replica made it. Only the primary knows it: a snapshot of a
        standby doesn't say which transactions are running."""
        [[text]] = await self._primary.read("committed")
        return str(text)
