"""Times as people, Graphite and Grafana write them."""

import calendar
import re
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from service.errors import bad_parameter, quoted
from service.languages.sentence import sentence, translatable
from service.period.shift_rules import LAST_SHIFT, SHIFT
from service.period.shifts import NO_SHIFTS, Shift, Shifts

ALLOWED_TIMES = (
    "RFC 3339 (2026-01-31T14:05:00Z; without an offset in tz), 2026-01-31, 20260131, 14:05_20260131, "
    "epoch seconds or milliseconds, now, -2h, now-2h, now-1d/d (units s min m h d w mon M y, "
    "or in full: 12hours), "
    "today, yesterday, tomorrow, monday, midnight, noon, 6pm, 14:05, noon yesterday, 6pm friday, shift, last-shift"
)

NOT_A_TIME = translatable("%(value)s isn't a time; allowed are %(allowed)s")

MAX_TIME = 100
"""The most characters of a time."""
_DAYS = {"today": 0, "yesterday": -1, "tomorrow": 1}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_HOURS = {"midnight": 0, "noon": 12, "teatime": 16}
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_SPELT = {
    "s": ("s", "sec", "secs", "second", "seconds"),
    "m": ("m", "min", "mins", "minute", "minutes"),
    "h": ("h", "hour", "hours"),
    "d": ("d", "day", "days"),
    "w": ("w", "week", "weeks"),
    "M": ("M", "mon", "month", "months"),
    "y": ("y", "year", "years"),
}
_UNITS = {name: unit for unit, names in _SPELT.items() for name in names}
_UNIT = "|".join(sorted(_UNITS, key=len, reverse=True))
_OFFSET = re.compile(rf"([+ -])(\d{{1,6}})({_UNIT})", re.ASCII)
_DAY = "|".join((*_DAYS, *_WEEKDAYS))
_CLOCK = r"(?:[01]?\d|2[0-3]):[0-5]\d|(?:0?[1-9]|1[0-2])(?::[0-5]\d)?(?:am|pm)"
# in an address, a plus that isn't escaped means a space, so a space stands for a plus here
_WORDS = re.compile(
    rf"(?i:now|(?P<hour>{'|'.join(_HOURS)}|{_CLOCK})(?:[ _+](?P<day>{_DAY}))?|(?P<alone>{_DAY}))?"
    rf"(?P<offsets>(?:[+ -]\d{{1,6}}(?:{_UNIT}))*)(?:/(?P<whole>m|h|d|w|M|y))?",
    re.ASCII,
)
_ZONE_OFFSET = re.compile(r"\s*(?:(?:UTC|GMT) ?)?[+ -]?\d{1,2}(?::?\d\d)?\s*", re.ASCII | re.IGNORECASE)
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


_DIRECTIVES = "aAbBcCdDeFgGhHIjklmMnpRrSTuUVwWxXyYzZ%"
"""The directives that `strftime` knows on every system that the service runs on. Python itself adds `%f`, for
microseconds."""


def check_time_format(text: str) -> str:
    """The same text; ValueError names a directive in it that `strftime` doesn't know."""
    for directive in re.findall(r"%-?.?", text, re.DOTALL):
        if directive[-1] not in _DIRECTIVES + "f" or directive in ("%", "%-"):
            allowed = " ".join(f"%{letter}" for letter in _DIRECTIVES)
            raise ValueError(f"{directive!r} stands for nothing; allowed are {allowed}")
    return text


def parse_time(name: str, text: str, zone: str, now: datetime, shifts: Shifts = NO_SHIFTS) -> datetime:
    """A time as people and other tools write it, in UTC; a time without an offset is read in `zone`.

    `name` is that of the parameter: `now/d` is the end of the day for `until`, as in Grafana, and otherwise its start;
    so is `shift` of the shift.
    """
    text = text.strip()
    if text.lower() in (SHIFT, LAST_SHIFT):
        shift = shift_meant(name, text, now, shifts)
        return shift.end if name == "until" else shift.start
    try:
        moment = _read(text, zone, now, up=name == "until") if len(text) <= MAX_TIME else None
    except (ValueError, OverflowError, OSError):
        moment = None
    if moment is None or not _EARLIEST <= moment <= _LATEST:
        raise bad_parameter(name, sentence(NOT_A_TIME, value=quoted(text), allowed=ALLOWED_TIMES))
    return moment.astimezone(UTC)


def is_moving(text: str) -> bool:
    """Whether the text means another time when it is read later."""
    return text.strip().lower() in (SHIFT, LAST_SHIFT) or _WORDS.fullmatch(text.strip()) is not None


def shift_meant(name: str, word: str, now: datetime, shifts: Shifts) -> Shift:
    """The shift that is running or, where none is, the one that was over last; with `last-shift` always the latter.
    BadRequest, for the parameter of this name, where there is none."""
    if not shifts:
        raise bad_parameter(name, sentence("no shifts are known here; the setting SHIFTS names them"))
    found = shifts.last(now) if word.strip().lower() == LAST_SHIFT else shifts.begun(now)
    if found is None:
        raise bad_parameter(name, sentence("no shift has begun yet"))
    return found


def check_zone(text: str) -> str:
    """The IANA name of the zone that is meant; BadRequest where it is none."""
    name = zone_named(text)
    if name is None:
        wrong = sentence("%(value)s isn't an IANA time zone; write one like UTC or Europe/Berlin", value=quoted(text))
        if _ZONE_OFFSET.fullmatch(text):
            wrong = sentence(
                "%(value)s isn't an IANA time zone: an offset doesn't tell when clocks are changed; write one like UTC "
                "or Europe/Berlin",
                value=quoted(text),
            )
        raise bad_parameter("tz", wrong)
    return name


def zone_named(text: str) -> str | None:
    """The name of a zone as IANA spells it, whatever its capitals, as in browsers; None where there is no such zone."""
    return _spellings().get(text.strip().lower())


@cache
def zones() -> frozenset[str]:
    """Every IANA zone name, links included.

    Systems keep other files beside the zones, which are left out: `localtime`, for one, is another zone on the next
    machine.
    """
    return frozenset(available_timezones() - {"Factory", "localtime", "posixrules"})


@cache
def _spellings() -> dict[str, str]:
    return {name.lower(): name for name in zones()}


def _read(text: str, zone: str, now: datetime, *, up: bool) -> datetime:
    return _words(text, zone, now, up=up) or _number(text, zone) or _absolute(text, zone)


def _words(text: str, zone: str, now: datetime, *, up: bool) -> datetime | None:
    match = _WORDS.fullmatch(text)
    if match is None or text[:1] in ("", "/"):
        return None
    moment = now.astimezone(ZoneInfo(zone))
    day = match["alone"] or match["day"]
    if day or match["hour"]:
        hour, minute = _clock((match["hour"] or "midnight").lower())
        moment = _wall(moment, moment.replace(tzinfo=None, hour=hour, minute=minute, second=0, microsecond=0), 0)
        moment = shifted(moment, _day((day or "today").lower(), moment), "d")
    for sign, number, unit in _OFFSET.findall(match["offsets"]):
        moment = shifted(moment, -int(number) if sign == "-" else int(number), _UNITS[unit])
    return _whole(moment, match["whole"], up=up) if match["whole"] else moment


def _clock(text: str) -> tuple[int, int]:
    """The hour and the minute that are meant by a word, or by a time like 14:05, 6pm or 6:30am."""
    if text in _HOURS:
        return _HOURS[text], 0
    hour, _, minute = text.rstrip("apm").partition(":")
    if text.endswith("m"):
        return int(hour) % 12 + 12 * text.endswith("pm"), int(minute or 0)
    return int(hour), int(minute)


def _day(word: str, moment: datetime) -> int:
    """How many days from now on the day is. A day of the week means the last one of that name, which may be today."""
    return _DAYS[word] if word in _DAYS else -((moment.weekday() - _WEEKDAYS.index(word)) % 7)


def shifted(moment: datetime, number: int, unit: str) -> datetime:
    """The moment so many units later. Hours and shorter units are exact; days and longer ones follow the calendar, so
    that `-1d` is the same time of the day."""
    if unit in _SECONDS:
        return (moment.astimezone(UTC) + timedelta(seconds=number * _SECONDS[unit])).astimezone(moment.tzinfo)
    local = moment.replace(tzinfo=None)
    if unit in ("d", "w"):
        return _wall(moment, local + timedelta(days=number * (7 if unit == "w" else 1)), moment.fold)
    months = local.year * 12 + local.month - 1 + number * (12 if unit == "y" else 1)
    year, month = months // 12, months % 12 + 1
    day = min(local.day, calendar.monthrange(year, month)[1])
    return _wall(moment, local.replace(year=year, month=month, day=day), moment.fold)


def _whole(moment: datetime, unit: str, *, up: bool) -> datetime:
    """The beginning, or with `up` the end, of the minute, hour, day, week, month or year in which `moment` lies."""
    if unit in ("m", "h"):
        exact = moment.replace(second=0, microsecond=0)
        begin = exact if unit == "m" else exact.replace(minute=0)
    else:
        day = moment.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
        if unit == "w":
            day -= timedelta(days=day.weekday())
        elif unit != "d":
            day = day.replace(day=1, month=1 if unit == "y" else day.month)
        begin = _wall(moment, day, 0)
    return shifted(begin, 1, unit) if up else begin


def _wall(like: datetime, local: datetime, fold: int) -> datetime:
    return local.replace(tzinfo=like.tzinfo, fold=fold)


def _number(text: str, zone: str) -> datetime | None:
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,9})?", text, re.ASCII):
        return None
    if re.fullmatch(r"(19|20|21)\d\d(0\d|1[012])[0-3]\d", text):  # a date and not epoch seconds, as in Graphite
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=ZoneInfo(zone))
    number = float(text)
    return datetime.fromtimestamp(number / 1000 if abs(number) >= 1e11 else number, UTC)


def _absolute(text: str, zone: str) -> datetime:
    """ValueError where the text isn't a time."""
    if re.fullmatch(r"\d\d:\d\d_\d{8}", text, re.ASCII):
        moment = datetime.strptime(text, "%H:%M_%Y%m%d")  # noqa: DTZ007
    else:
        # an unescaped plus before an offset has become a space; RFC 3339 allows a small t and z
        moment = datetime.fromisoformat(re.sub(r"^(.{11}.*) (\d\d(?::?\d\d)?)$", r"\1+\2", text).upper())
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))
