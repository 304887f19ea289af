"""A period of time cut into steps, as the parameters of an address ask for it. No I/O."""

import re
from datetime import UTC, datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec

from service.errors import BadRequest, Fault

STEPS = {"1m": 60, "5m": 300, "15m": 900, "1h": 3600, "6h": 21600, "1d": 86400}
MAX_BARS = 1500
"""Bars in one picture, two a bucket."""
MIN_BAR = 1.5
"""Pixels of the picture's width for each bar, where the step is ours to choose: narrower ones can't be told apart."""
DEFAULT_LENGTH = timedelta(hours=1)
TIMES = "RFC 3339 (2026-01-31T14:05:00Z), epoch seconds or milliseconds, now, now-2h, -2h"

_RELATIVE = re.compile(r"(?:now)?(?:([+-])(\d{1,6})(s|min|m|h|d|w))?", re.ASCII)
_UNITS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_FIXED_ORIGIN = datetime(2000, 1, 1, tzinfo=UTC)
_EARLIEST, _LATEST = datetime(1900, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


class Period(msgspec.Struct, frozen=True):
    """From `start` up to, not including, `end`, both UTC and on a step's edge; `zone` is an IANA name."""

    start: datetime
    end: datetime
    step: str
    zone: str

    @property
    def seconds(self) -> int:
        """The step's length, leaving clock changes aside."""
        return STEPS[self.step]

    @property
    def relation(self) -> Literal["minute", "hour"]:
        """The coarsest rollup whose buckets fit into the steps: hours where the zone's offset is whole hours."""
        whole = all(_offset(edge, self.zone) % 3600 == 0 for edge in (self.start, self.end))
        return "hour" if self.seconds >= 3600 and whole else "minute"

    @property
    def zone_of_days(self) -> str | None:
        """The zone whose clock the steps follow, for steps that a clock change can stretch."""
        return self.zone if self.seconds > 3600 else None

    @property
    def origin(self) -> datetime | None:
        """Where steps of a fixed length are counted from: a full hour of the zone's clock."""
        if self.seconds > 3600:
            return None
        return _FIXED_ORIGIN - timedelta(seconds=_offset(self.start, self.zone) % 3600)

    def end_of(self, bucket: datetime) -> datetime:
        """Where the bucket that begins at `bucket` ends."""
        return _next_edge(bucket, self.seconds, self.zone)


def make_period(start: str | None, end: str | None, step: str | None, zone: str, now: datetime, width: int) -> Period:
    """The period that `from`, `until` and `step` ask for; BadRequest names the parameter that is wrong.

    The first and the last step are whole: `from` moves back and `until` forward to the next edge. Without `step`,
    it is the smallest that leaves the bars of a picture of this `width` legible.
    """
    last = parse_time("until", end, zone, now) if end else None
    first = parse_time("from", start, zone, now) if start else None
    if step is not None:
        return _cut(first, last, _check_step(step), zone, now)
    cuts = [_cut(first, last, name, zone, now) for name in STEPS]
    legible = [cut for cut in cuts if _bars(cut) <= width / MIN_BAR] or cuts[-1:]
    return legible[0]


def parse_time(name: str, text: str, zone: str, now: datetime) -> datetime:
    """A time as people and other tools write it; a time without an offset is read in `zone`."""
    text = text.strip()
    moment = _parse_relative(text, now) or _parse_number(text) or _parse_absolute(text, zone)
    if moment is None or not _EARLIEST <= moment <= _LATEST:
        raise bad_parameter(name, f"{text!r} is no time; allowed are {TIMES}")
    return moment.astimezone(UTC)


def check_zone(text: str) -> str:
    """An IANA zone name; BadRequest otherwise."""
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as exc:
        raise bad_parameter("tz", f"{text!r} is no IANA time zone, like UTC or Europe/Berlin") from exc
    return text


def bad_parameter(name: str, detail: str) -> BadRequest:
    """The refusal of one parameter of an address."""
    return BadRequest(f"{name}: {detail}.", [Fault(0, name, detail)])


def check_bars(period: Period) -> None:
    """BadRequest where the period has more steps than a picture can show."""
    if _bars(period) > MAX_BARS:
        raise bad_parameter(
            "step" if period.seconds < STEPS["1d"] else "from",
            f"{_bars(period):.0f} bars of {period.step} are too many for a picture, which has {MAX_BARS} at most",
        )


def _check_step(step: str) -> str:
    if step not in STEPS:
        raise bad_parameter("step", f"{step!r} is no step; allowed are {', '.join(STEPS)}")
    return step


def _bars(period: Period) -> float:
    return 2 * (period.end - period.start).total_seconds() / period.seconds


def _cut(first: datetime | None, last: datetime | None, step: str, zone: str, now: datetime) -> Period:
    """The period in steps of one length."""
    if first and last and first >= last:
        raise bad_parameter("from", "must be before until")
    seconds = STEPS[step]
    end = _ceil(last or now, seconds, zone)
    start = _floor(first, seconds, zone) if first else _floor(end - DEFAULT_LENGTH, seconds, zone)
    if start >= end:
        raise bad_parameter("from", "must be before now, or give until as well")
    return Period(start, end, step, zone)


def _parse_relative(text: str, now: datetime) -> datetime | None:
    match = _RELATIVE.fullmatch(text)
    if match is None or not text:
        return None
    seconds = int(match[2]) * _UNITS[match[3]] if match[2] else 0
    try:
        return now - timedelta(seconds=seconds) if match[1] == "-" else now + timedelta(seconds=seconds)
    except OverflowError:
        return None


def _parse_number(text: str) -> datetime | None:
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,9})?", text, re.ASCII):
        return None
    number = float(text)
    try:
        return datetime.fromtimestamp(number / 1000 if abs(number) >= 1e11 else number, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _parse_absolute(text: str, zone: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+") if re.search(r"T.* \d\d:?\d\d$", text) else text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone))


def _offset(moment: datetime, zone: str) -> int:
    """Seconds that the zone's clock is ahead of UTC at that moment."""
    offset = moment.astimezone(ZoneInfo(zone)).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def _floor(moment: datetime, seconds: int, zone: str) -> datetime:
    """The edge at or before `moment`: on the zone's clock, whose hours may be half an hour off UTC's."""
    offset = _offset(moment, zone)
    if seconds <= 3600:
        offset %= 3600
        whole = (int(moment.timestamp()) + offset) // seconds * seconds - offset
        return datetime.fromtimestamp(whole, UTC)
    local = moment.astimezone(ZoneInfo(zone))
    midnight = local.replace(hour=local.hour * 3600 // seconds * seconds // 3600, minute=0, second=0, microsecond=0)
    return midnight.replace(fold=0).astimezone(UTC)


def _ceil(moment: datetime, seconds: int, zone: str) -> datetime:
    edge = _floor(moment, seconds, zone)
    return edge if edge == moment else _next_edge(edge, seconds, zone)


def _next_edge(edge: datetime, seconds: int, zone: str) -> datetime:
    if seconds <= 3600:
        return edge + timedelta(seconds=seconds)
    local = edge.astimezone(ZoneInfo(zone)).replace(tzinfo=None) + timedelta(seconds=seconds)
    return local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
