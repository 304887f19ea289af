"""Answers checks from the readings, so that nothing has to be remembered between two of them."""

from datetime import datetime, timedelta

import msgspec

from service.alerts.finding import Finding, finding
from service.alerts.question import DAY, Question
from service.period.shifts import Shifts
from service.period.steps import Period
from service.period.working_times import working_times
from service.store import Store
from service.store.checks import Behind, Silence

MANY = 7
"""How many times as far back as a silence may last readings are looked at, since nights and weekends don't count."""
MOST_SAID = 5
"""The most series whose sentences are in that of all of them."""


class Checked(msgspec.Struct, frozen=True):
    """What was found at `due`, the beginning of the running minute or the end of the period: of each series, or of all
    together."""

    period: Period
    due: datetime
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return all(one.ok for one in self.findings)

    @property
    def since(self) -> datetime | None:
        """When the first of what fails began to."""
        return min((one.since for one in self.findings if one.since is not None), default=None)

    @property
    def detail(self) -> str:
        """A sentence about all: of several series about those that fail."""
        told = [one for one in self.findings if one.series is None or not one.ok]
        if not told:
            return "all is well" if self.findings else "there is nothing to compare"
        said = [one.detail if one.series is None else f"{one.series}: {one.detail}" for one in told[:MOST_SAID]]
        return "; ".join([*said, *([f"and {len(told) - MOST_SAID} more"] if len(told) > MOST_SAID else [])])


class Checking:
    """Answers checks, by the shifts of the settings."""

    def __init__(self, store: Store, shifts: Shifts) -> None:
        self._store, self._shifts = store, shifts

    async def check(self, question: Question, now: datetime) -> Checked:
        """How things are now. BadRequest: the period can't be read. Unavailable: the database can't be asked."""
        period = question.period(now, self._shifts)
        running = now.replace(second=0, microsecond=0)
        due = min(max(running, period.start), period.end)
        behind = await self._behind(question, period, due) if question.behind else {}
        silent = await self._silence(question, running) if question.stale else {}
        names = sorted({*behind, *silent, *(question.series.names or ())}) if question.split else [""]
        found = (
            finding(question, name or None, period.start, due, behind.get(name), silent.get(name)) for name in names
        )
        return Checked(period, due, tuple(found))

    async def _behind(self, question: Question, period: Period, due: datetime) -> dict[str, Behind]:
        found = await self._store.checks.behind(
            period.start, due, question.series, question.behind, split=question.split
        )
        return {one.series or "": one for one in found}

    async def _silence(self, question: Question, running: datetime) -> dict[str, Silence]:
        """Always up to now: whether facts come has nothing to do with a period."""
        start = running - max(DAY, MANY * (question.stale or timedelta()))
        spans = working_times(self._shifts, start, running)
        found = await self._store.checks.silence(start, running, question.series, spans, split=question.split)
        return {one.series or "": one for one in found}
