"""Where a period begins and ends, as the parameters of an address ask for it."""

import re
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from service.errors import bad_parameter, quoted
from service.languages.sentence import sentence
from service.period.shift_rules import LAST_SHIFT, SHIFT
from service.period.shifts import NO_SHIFTS, Shift, Shifts
from service.period.times import is_moving, parse_time, shift_meant

_DAYS = {"today": 0, "yesterday": -1, "tomorrow": 1}
_YEARS = range(1900, 2200)
_NAMES = (
    *(sentence("Monday"), sentence("Tuesday"), sentence("Wednesday"), sentence("Thursday")),
    *(sentence("Friday"), sentence("Saturday"), sentence("Sunday")),
)


class Asked(msgspec.Struct, frozen=True):
    """What an address has for a period: `from` and `until`, or `shift`, as they were written."""

    start: str | None = None
    until: str | None = None
    shift: str | None = None

    @property
    def moves(self) -> bool:
        """Whether the same text means another period when it is read later."""
        if self.shift:
            return re.search(r"@\d", self.shift) is None
        return not self.until or is_moving(self.until) or (bool(self.start) and is_moving(self.start or ""))

    @property
    def has_shift(self) -> bool:
        """Whether a shift is a part of what was asked for."""
        return bool(self.shift) or any(_is_shift_word(text) for text in (self.start, self.until))


class Ends(msgspec.Struct, frozen=True):
    """The ends of a period, in UTC; None where an end wasn't asked for. `shift` is the shift that was asked for, if the
    period is in it."""

    start: datetime | None = None
    until: datetime | None = None
    shift: Shift | None = None


def read_ends(asked: Asked, zone: str, now: datetime, shifts: Shifts = NO_SHIFTS) -> Ends:
    """The ends that are asked for; BadRequest names the parameter that is wrong. A time without an offset is read in
    `zone`."""
    if asked.shift:
        if asked.start or asked.until:
            both = sentence("has a beginning and an end of its own; leave from and until out")
            raise bad_parameter("shift", both)
        shift = named_shift(asked.shift, now, shifts)
        return Ends(shift.start, shift.end, shift)
    until = parse_time("until", asked.until, zone, now, shifts) if asked.until else None
    start = parse_time("from", asked.start, zone, now, shifts) if asked.start else None
    return Ends(start, until, _shift_of(asked, now, shifts))


def named_shift(text: str, now: datetime, shifts: Shifts) -> Shift:
    """The shift that the parameter `shift` means: `early`, the newest of that name that has begun, `early@2026-11-24`,
    that of a date, or a word for the running one or the last. BadRequest where there is none."""
    if _is_shift_word(text):
        return shift_meant("shift", text, now, shifts)
    name, at, day = text.strip().partition("@")
    shift_meant("shift", SHIFT, now, shifts)
    if name not in shifts:
        allowed = ", ".join((*shifts.names, SHIFT, LAST_SHIFT))
        wrong = sentence(
            "%(name)s isn't a shift; allowed are %(allowed)s, and a name with a date",
            name=quoted(name),
            allowed=allowed,
        )
        raise bad_parameter("shift", wrong)
    on = _date(day, now, shifts.zone) if at else None
    if (found := shifts.named(name, on, now)) is None:
        if on is None:
            raise bad_parameter("shift", sentence("no shift %(name)s has begun yet", name=quoted(name)))
        raise bad_parameter("shift", _none_on(name, on))
    return found


def shift_begun(asked: Asked, now: datetime, shifts: Shifts) -> Shift | None:
    """The shift that `from` names, whether the period goes on to its end or not."""
    return shift_meant("from", asked.start or "", now, shifts) if _is_shift_word(asked.start) else None


def _none_on(name: str, on: date) -> str:
    asked = {"name": quoted(name), "date": f"{on:%Y-%m-%d}", "day": _NAMES[on.weekday()]}
    return sentence("there is no shift %(name)s on %(date)s, a %(day)s", **asked)


def _date(text: str, now: datetime, zone: str) -> date:
    """The date after the `@`."""
    if (word := text.strip().lower()) in _DAYS:
        return now.astimezone(ZoneInfo(zone)).date() + timedelta(days=_DAYS[word])
    try:
        found = date.fromisoformat(word) if re.fullmatch(r"[\d-]{8,10}", word, re.ASCII) else None
    except ValueError:
        found = None
    if found is None or found.year not in _YEARS:
        wrong = sentence("%(value)s isn't a date; write one like 2026-11-24, today or yesterday", value=quoted(text))
        raise bad_parameter("shift", wrong)
    return found


def _shift_of(asked: Asked, now: datetime, shifts: Shifts) -> Shift | None:
    """The shift that `from` names, where the period doesn't go beyond its end."""
    if (shift := shift_begun(asked, now, shifts)) is None:
        return None
    if _is_shift_word(asked.until):
        return shift if shift == shift_meant("until", asked.until or "", now, shifts) else None
    return shift if asked.until in (None, "", "now") and now < shift.end else None


def _is_shift_word(text: str | None) -> bool:
    return (text or "").strip().lower() in (SHIFT, LAST_SHIFT)
