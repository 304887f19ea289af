"""A period of time cut into steps, as the parameters of an address ask for it."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from service.errors import bad_parameter, quoted
from service.languages.sentence import sentence
from service.period.open_hours import OpenHours
from service.period.step_clock import StepClock
from service.period.times import parse_time

Time = str | datetime
"""A time as somebody wrote it, or as it was read already."""

STEPS = {
    "1m": 60,
    "5m": 300,
    "15m": 900,
    "30m": 1800,
    "1h": 3600,
    "6h": 21600,
    "1d": 86400,
    "1w": 604800,
    "1M": 2629746,
    "1y": 31556952,
}
"""The seconds of each step, which for months and years are those of an average one. Weeks begin on Mondays."""
DEFAULT_LENGTH = timedelta(hours=1)
MOST_SIFTED = 5000
"""The most steps, those that are left out included, of a period of which only some hours or days are kept."""

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
"""A moment; where it is read from somebody else, its offset from UTC must be there."""
Step = tuple[datetime, datetime]
"""From where a step begins up to where it ends."""
Relation = Literal["minute", "quarter", "hour", "day"]
_RELATIONS: dict[Relation, int] = {"day": 86400, "hour": 3600, "quarter": 900, "minute": 60}


class Period(msgspec.Struct, frozen=True):
    """From `start` up to but not including `end`, both in UTC and on the edge of a step; `zone` is an IANA name. Where
    there are `open` hours, the steps that don't begin within these, by the clock of the zone, are left out."""

    start: datetime
    end: datetime
    step: str
    zone: str
    open: OpenHours | None = None

    @property
    def seconds(self) -> int:
        """The usual length of a step: clock changes are left aside, and months and years are average ones."""
        return STEPS[self.step]

    @property
    def count(self) -> int:
        """How many steps are kept, counted as if no clock changed within the period. Of more steps than are sifted,
        none counts as left out."""
        whole = round((self.end - self.start).total_seconds() / self.seconds)
        return whole if self.open is None or whole > MOST_SIFTED else len(self.kept)

    @property
    def edges(self) -> tuple[datetime, ...]:
        """When each step begins, those that are left out included, and last, when the period ends."""
        return _edges(self)

    @property
    def kept(self) -> tuple[Step, ...]:
        """When each step that isn't left out begins and ends."""
        return _kept(self)

    def keeps(self, moment: datetime) -> bool:
        """Whether a moment of the period, or of a step before it, lies in a step that isn't left out."""
        if self.open is None:
            return True
        before = bisect_right(self.edges, moment) - 1
        return self.open.has((self.edges[before] if before >= 0 else moment).astimezone(ZoneInfo(self.zone)))

    def steps_since(self, begin: datetime) -> tuple[datetime, ...]:
        """The beginnings of the steps before the period, the first of which is cut off at `begin`; only that one where
        none is left out."""
        if begin >= self.start:
            return ()
        if self.open is None:
            return (begin,)
        return (begin, *_cut(begin, self.start, self.step, self.zone, self.start).edges[1:-1])

    @property
    def relation(self) -> Relation:
        """The coarsest rollup whose buckets fit into the steps. Its buckets are minutes, quarters of an hour, hours or
        days of UTC."""
        return _relation(self)

    def step_at(self, moment: datetime) -> datetime | None:
        """The beginning of the step in which `moment` lies; None outside the period."""
        return next((one for one in reversed(self.edges) if one <= moment), None) if moment < self.end else None

    def line_at(self, now: datetime) -> datetime | None:
        """The beginning of the running minute where the period reaches beyond the running step; None elsewhere."""
        running = self.step_at(now)
        if running is None or not self.kept or running >= self.kept[-1][0]:
            return None
        return now.replace(second=0, microsecond=0)

    def unfinished(self, now: datetime) -> datetime | None:
        """The beginning of the first step that isn't over yet; None where all of them are."""
        return self.start if now < self.start else self.step_at(now)


def make_period(
    start: Time | None,
    end: Time | None,
    step: str | None,
    zone: str,
    now: datetime,
    most: float,
    hours: OpenHours | None = None,
) -> Period:
    """The period that `from`, `until` and `step` ask for; BadRequest names the parameter that is wrong.

    The first and the last step are whole: `from` moves back and `until` forward to the next edge. Without `step`, the
    period has the shortest step of which there are at most `most`, or the longest one. Of some `hours` alone only steps
    are kept that begin within them, and steps can't be too long for that.
    """
    last = parse_time("until", end, zone, now) if isinstance(end, str) else end
    first = parse_time("from", start, zone, now) if isinstance(start, str) else start
    if step is not None:
        return _cut(first, last, _check_step(step, hours), zone, now, hours)
    return _shortest((_cut(first, last, name, zone, now, hours) for name in _steps_within(hours)), most)


def whole_days(period: Period) -> tuple[datetime, ...]:
    """The edges of the days, by the clock of its zone, in which a period lies."""
    return _cut(period.start, period.end, "1d", period.zone, period.end).edges


def in_longer_steps(period: Period, most: float) -> Period:
    """The same period in its own step, or in the next longer one of which there are at most `most`; the period as it is
    where there is none."""
    names = _steps_within(period.open)
    longer = names[names.index(period.step) :]
    cuts = (_cut(period.start, period.end, name, period.zone, period.end, period.open) for name in longer)
    return next((cut for cut in cuts if cut.count <= most), None) or period


def in_coarser_steps(period: Period, fits: Callable[[Period], bool]) -> Period | None:
    """The same period in its own step, or in the next longer one with which it fits; otherwise the same in UTC; None
    where there is none."""
    names = _steps_within(period.open)
    longer = names[names.index(period.step) :]
    for zone in dict.fromkeys((period.zone, "UTC")):
        for name in longer:
            cut = _cut(period.start, period.end, name, zone, period.end, period.open)
            if fits(cut):
                return cut
    return None


@lru_cache(maxsize=256)
def _edges(period: Period) -> tuple[datetime, ...]:
    clock = StepClock(period.step, period.seconds, period.zone)
    found = [period.start]
    while found[-1] < period.end:
        found.append(clock.next(found[-1]))
    return tuple(found)


@lru_cache(maxsize=256)
def _kept(period: Period) -> tuple[Step, ...]:
    hours, zone = period.open, ZoneInfo(period.zone)
    steps = pairwise(period.edges)
    return tuple(steps if hours is None else (step for step in steps if hours.has(step[0].astimezone(zone))))


@lru_cache(maxsize=256)
def _relation(period: Period) -> Relation:
    return relation_of(period.edges)


def longest_step(hours: OpenHours | None) -> int:
    """The seconds of the longest step that there is within the hours."""
    return STEPS[_steps_within(hours)[-1]]


def relation_of(edges: Iterable[datetime]) -> Relation:
    """The coarsest rollup whose buckets begin and end at these edges."""
    seconds = [int(edge.timestamp()) for edge in edges]
    fitting = (name for name, unit in _RELATIONS.items() if all(at % unit == 0 for at in seconds))
    return next(fitting, "minute")


def _check_step(step: str, hours: OpenHours | None) -> str:
    if step not in STEPS:
        raise bad_parameter("step", f"{quoted(step)} isn't a step; allowed are {', '.join(STEPS)}")
    if step not in (allowed := _steps_within(hours)):
        name = "hours" if hours and hours.hours_text else "days"
        raise bad_parameter("step", f"{step} is too long to be within {name}; allowed are {', '.join(allowed)}")
    return step


def _steps_within(hours: OpenHours | None) -> list[str]:
    """The steps of which one can say whether they begin within the hours, the shortest first."""
    return [name for name, seconds in STEPS.items() if hours is None or seconds <= hours.longest_step]


def _shortest(cuts: Iterator[Period], most: float) -> Period:
    """The first of the periods that has at most so many steps, or the last one."""
    cut = next(cuts)
    while cut.count > most and (longer := next(cuts, None)) is not None:
        cut = longer
    return cut


def _cut(
    first: datetime | None,
    last: datetime | None,
    step: str,
    zone: str,
    now: datetime,
    hours: OpenHours | None = None,
) -> Period:
    """The period in steps of one length."""
    if first and last and first >= last:
        raise bad_parameter("from", sentence("must be before until"))
    clock = StepClock(step, STEPS[step], zone)
    end = clock.ceil(last or now)
    start = clock.floor(first or end - DEFAULT_LENGTH)
    if start >= end:
        raise bad_parameter("from", sentence("must be before now, or give until as well"))
    return Period(start, end, step, zone, hours)
