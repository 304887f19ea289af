"""A period of time cut into steps, as the parameters of an address ask for it."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from service.errors import bad_parameter, quoted
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

_ZERO, _MINUTE, _HOUR = timedelta(), timedelta(minutes=1), timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Relation = Literal["minute", "quarter", "hour", "day"]
_RELATIONS: dict[Relation, int] = {"day": 86400, "hour": 3600, "quarter": 900, "minute": 60}


class Period(msgspec.Struct, frozen=True):
    """From `start` up to but not including `end`, both in UTC and on the edge of a step; `zone` is an IANA name."""

    start: datetime
    end: datetime
    step: str
    zone: str

    @property
    def seconds(self) -> int:
        """The usual length of a step: clock changes are left aside, and months and years are average ones."""
        return STEPS[self.step]

    @property
    def count(self) -> int:
        """How many steps there are, counted as if no clock changed within the period."""
        return round((self.end - self.start).total_seconds() / self.seconds)

    @property
    def edges(self) -> tuple[datetime, ...]:
        """When each step begins, and last, when the period ends."""
        return _edges(self)

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
        if running is None or running >= self.edges[-2]:
            return None
        return now.replace(second=0, microsecond=0)

    def unfinished(self, now: datetime) -> datetime | None:
        """The beginning of the first step that isn't over yet; None where all of them are."""
        return self.start if now < self.start else self.step_at(now)


def make_period(
    start: Time | None, end: Time | None, step: str | None, zone: str, now: datetime, most: float
) -> Period:
    """The period that `from`, `until` and `step` ask for; BadRequest names the parameter that is wrong.

    The first and the last step are whole: `from` moves back and `until` forward to the next edge. Without `step`, the
    period has the shortest step of which there are at most `most`, or the longest one.
    """
    last = parse_time("until", end, zone, now) if isinstance(end, str) else end
    first = parse_time("from", start, zone, now) if isinstance(start, str) else start
    if step is not None:
        return _cut(first, last, _check_step(step), zone, now)
    return _shortest((_cut(first, last, name, zone, now) for name in STEPS), most)


def whole_days(period: Period) -> tuple[datetime, ...]:
    """The edges of the days, by the clock of its zone, in which a period lies."""
    return _cut(period.start, period.end, "1d", period.zone, period.end).edges


def in_longer_steps(period: Period, most: float) -> Period:
    """The same period in its own step, or in the next longer one of which there are at most `most`; the period as it is
    where there is none."""
    names = list(STEPS)
    longer = names[names.index(period.step) :]
    cuts = (_cut(period.start, period.end, name, period.zone, period.end) for name in longer)
    return next((cut for cut in cuts if cut.count <= most), None) or period


@lru_cache(maxsize=256)
def _edges(period: Period) -> tuple[datetime, ...]:
    clock = _Clock(period.step, period.zone)
    found = [period.start]
    while found[-1] < period.end:
        found.append(clock.next(found[-1]))
    return tuple(found)


@lru_cache(maxsize=256)
def _relation(period: Period) -> Relation:
    return relation_of(period.edges)


def relation_of(edges: Iterable[datetime]) -> Relation:
    """The coarsest rollup whose buckets begin and end at these edges."""
    seconds = [int(edge.timestamp()) for edge in edges]
    fitting = (name for name, unit in _RELATIONS.items() if all(at % unit == 0 for at in seconds))
    return next(fitting, "minute")


def _check_step(step: str) -> str:
    if step not in STEPS:
        raise bad_parameter("step", f"{quoted(step)} isn't a step; allowed are {', '.join(STEPS)}")
    return step


def _shortest(cuts: Iterator[Period], most: float) -> Period:
    """The first of the periods that has at most so many steps, or the last one."""
    cut = next(cuts)
    while cut.count > most and (longer := next(cuts, None)) is not None:
        cut = longer
    return cut


def _cut(first: datetime | None, last: datetime | None, step: str, zone: str, now: datetime) -> Period:
    """The period in steps of one length."""
    if first and last and first >= last:
        raise bad_parameter("from", "must be before until")
    clock = _Clock(step, zone)
    end = clock.ceil(last or now)
    start = clock.floor(first or end - DEFAULT_LENGTH)
    if start >= end:
        raise bad_parameter("from", "must be before now, or give until as well")
    return Period(start, end, step, zone)


class _Clock:
    """The edges of steps on the clock of a zone.

    Steps of an hour or less are counted from the full hours of that clock, which may be half an hour off those of UTC.
    Where the clock is set by half an hour, the hour in which that happens is one and a half hours long. Longer steps
    begin when the clock shows midnight, or 6, 12 or 18 o'clock, so that a day on which the clock changes has 23 or 25
    hours; weeks, months and years begin with their first day.

    Edges are whole minutes, as those of the rollups are. Long ago the clocks of zones were off UTC by seconds as well
    (that of Berlin by 53:28, until 1893); these seconds are left out.
    """

    def __init__(self, name: str, zone: str) -> None:
        self._name = name
        self._step = timedelta(seconds=STEPS[name])
        self._zone = ZoneInfo(zone)

    def floor(self, moment: datetime) -> datetime:
        """The edge at or before `moment`."""
        if self._step > _HOUR:
            return self._long_floor(moment)
        offset = self._offset(moment)
        edge = moment - (moment + offset - _EPOCH) % self._step
        # where the clock was set between edge and moment, and not by whole steps, it showed no round time at `edge`
        return edge if (self._offset(edge) - offset) % self._step == _ZERO else self.floor(edge)

    def ceil(self, moment: datetime) -> datetime:
        """The edge at or after `moment`."""
        edge = self.floor(moment)
        return edge if edge == moment else self.next(edge)

    def next(self, edge: datetime) -> datetime:
        """The edge after `edge`."""
        if self._step > _HOUR:
            return self._instant(_following(self._local(edge), self._name))
        after = self.floor(edge + self._step)
        return after if after > edge else self.floor(edge + 2 * self._step)

    def _long_floor(self, moment: datetime) -> datetime:
        """The edge at or before `moment`, searched for from a step too early on: a clock may go back to the day
        before, or leave a day out."""
        edge = self._instant(self._local(moment - self._step))
        while (after := self.next(edge)) <= moment:
            edge = after
        return edge

    def _local(self, moment: datetime) -> datetime:
        """What the clock showed, or would have shown but for a change, when the step began in which `moment` lies."""
        return _beginning((moment + self._offset(moment)).replace(tzinfo=None), self._name)

    def _instant(self, local: datetime) -> datetime:
        """The first moment at which the clock shows `local`, or has passed it."""
        return local.replace(tzinfo=UTC) - _whole(local.replace(tzinfo=self._zone).utcoffset())

    def _offset(self, moment: datetime) -> timedelta:
        return _whole(moment.astimezone(self._zone).utcoffset())


def _whole(offset: timedelta | None) -> timedelta:
    return (offset or _ZERO) // _MINUTE * _MINUTE


def _beginning(local: datetime, step: str) -> datetime:
    """When the step began, on the same clock, in which it shows `local`; for steps of more than an hour."""
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    match step:
        case "1y":
            return midnight.replace(month=1, day=1)
        case "1M":
            return midnight.replace(day=1)
        case "1w":
            return midnight - timedelta(days=midnight.weekday())
        case _:
            hours = STEPS[step] // 3600
            return midnight.replace(hour=local.hour // hours * hours)


def _following(local: datetime, step: str) -> datetime:
    """When the step ends, on the same clock, that begins when it shows `local`."""
    match step:
        case "1y":
            return local.replace(year=local.year + 1)
        case "1M":
            return (local + timedelta(days=31)).replace(day=1)
        case _:
            return local + timedelta(seconds=STEPS[step])
