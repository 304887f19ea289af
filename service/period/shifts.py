"""The shifts of a calendar: when each begins and ends, and when its breaks are."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import chain
from zoneinfo import ZoneInfo

import msgspec

from service.period.shift_rules import ShiftRule, folded, read_shift_rules

LONGEST_PAUSE = 16
"""Days from tomorrow back in which a shift is looked for: each begins once a week at least, but where the clock leaves
its time out."""
KEPT_DATES = 1024
"""The dates whose shifts are kept."""

_MINUTE = timedelta(minutes=1)
Interval = tuple[datetime, datetime]
"""From a moment up to but not including another, in UTC."""


class Shift(msgspec.Struct, frozen=True):
    """A shift from `start` up to but not including `end`, in UTC, and its breaks. It belongs to the `date` on which it
    begins."""

    name: str
    date: date
    start: datetime
    end: datetime
    breaks: tuple[Interval, ...] = ()


class Shifts:
    """The shifts by the clock of a zone; False where there are none.

    A shift begins and ends when the clock first shows the time, or has passed it: a time that is left out when clocks
    go forward is when they do, and one that comes twice is meant the first time. So a shift ends when the next one
    begins, and is longer or shorter where the clock changes in it; where that leaves nothing of it, there is none. A
    break is as long as ever.
    """

    def __init__(self, rules: tuple[ShiftRule, ...], zone: str) -> None:
        self.zone = zone
        self._rules = sorted(rules, key=lambda rule: rule.minutes)
        self._on = lru_cache(KEPT_DATES)(self._made)

    @classmethod
    def read(cls, text: str, zone: str) -> "Shifts":
        """The shifts that the setting names; ValueError says what is wrong with it."""
        return cls(read_shift_rules(text), zone)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def __contains__(self, name: str) -> bool:
        """Whether a shift is so named, in capital or small letters."""
        return any(folded(rule.name) == folded(name) for rule in self._rules)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the shifts, in the order in which they begin."""
        return tuple(rule.name for rule in self._rules)

    def at(self, moment: datetime) -> Shift | None:
        """The shift that is running."""
        begun = self.begun(moment)
        return begun if begun and moment < begun.end else None

    def begun(self, moment: datetime) -> Shift | None:
        """The newest shift that has begun, whether it is running or over."""
        return next((shift for shift in self._backwards(moment) if shift.start <= moment), None)

    def last(self, moment: datetime) -> Shift | None:
        """The newest shift that is over."""
        return next((shift for shift in self._backwards(moment) if shift.end <= moment), None)

    def named(self, name: str, on: date | None, now: datetime) -> Shift | None:
        """The shift of this name on a date; without a date the newest of this name that has begun."""
        found = self._backwards(now) if on is None else iter(self._on(on))
        same = folded(name)
        fitting = (shift for shift in found if folded(shift.name) == same)
        return next((shift for shift in fitting if on is not None or shift.start <= now), None)

    def between(self, start: datetime, end: datetime) -> list[Shift]:
        """The shifts of which a part lies between two moments, in order."""
        if not self._rules or start >= end:
            return []
        first, last = self._date(start), self._date(end)
        # one day more on either side: a shift may have begun the evening before, and a clock may go back to that
        dates = (first + timedelta(days=number) for number in range(-1, (last - first).days + 2))
        shifts = chain.from_iterable(map(self._on, dates))
        return [shift for shift in shifts if shift.start < end and shift.end > start]

    def breaks(self, start: datetime, end: datetime) -> list[Interval]:
        """What lies in breaks between two moments, in order and apart from each other."""
        found = chain.from_iterable(shift.breaks for shift in self.between(start, end))
        cut = ((max(start, first), min(end, last)) for first, last in found)
        return [(first, last) for first, last in cut if first < last]

    def _backwards(self, moment: datetime) -> Iterator[Shift]:
        """The shifts around a moment and before it, the newest first."""
        if not self._rules:
            return
        latest = self._date(moment) + timedelta(days=1)
        for number in range(LONGEST_PAUSE):
            yield from reversed(self._on(latest - timedelta(days=number)))

    def _date(self, moment: datetime) -> date:
        return moment.astimezone(ZoneInfo(self.zone)).date()

    def _made(self, on: date) -> tuple[Shift, ...]:
        """The shifts of a date, in order."""
        made = (self._shift(rule, on) for rule in self._rules if on.weekday() in rule.days)
        return tuple(shift for shift in made if shift.start < shift.end)

    def _shift(self, rule: ShiftRule, on: date) -> Shift:
        zone, midnight = ZoneInfo(self.zone), datetime.combine(on, time())
        start, end = (_instant(midnight + minute * _MINUTE, zone) for minute in rule.minutes)
        breaks: list[Interval] = []
        for first, last in rule.breaks:
            # where the clock leaves out the time between two breaks, the later one follows the earlier one
            begin = max(_instant(midnight + first * _MINUTE, zone), breaks[-1][1] if breaks else start)
            breaks.append((begin, min(begin + (last - first) * _MINUTE, end)))
        return Shift(rule.name, on, start, end, tuple(one for one in breaks if one[0] < one[1]))


NO_SHIFTS = Shifts((), "UTC")


def _instant(local: datetime, zone: ZoneInfo) -> datetime:
    """The first moment at which the clock of the zone shows `local`, or has passed it."""
    naive = local.replace(tzinfo=UTC)
    before, after = (_offset(local.replace(tzinfo=zone, fold=fold)) for fold in (0, 1))
    if after <= before:
        return naive - before
    # the clock leaves this time out, so that it is the moment of the change, which lies between these two
    earlier, later = naive - after, naive - before
    while later - earlier > _MINUTE:
        middle = earlier + (later - earlier) // _MINUTE // 2 * _MINUTE
        is_changed = _offset(middle.astimezone(zone)) == after
        earlier, later = (earlier, middle) if is_changed else (middle, later)
    return later


def _offset(moment: datetime) -> timedelta:
    """The offset from UTC in whole minutes, as steps have it: clocks of long ago were off by seconds as well."""
    return (moment.utcoffset() or timedelta()) // _MINUTE * _MINUTE
