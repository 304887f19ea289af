"""Times and durations as people write them."""

import math
import re
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EXAMPLES = "2026-01-31T14:05:00Z, 1769868300, now, now-2h or -2h"

_UNITS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 604800}
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|min|[smhdw])")
_ISO = re.compile(r"P(?!$)(?:(\d+)W)?(?:(\d+)D)?(?:T(?!$)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.I)
_ISO_SECONDS = (604800, 86400, 3600, 60, 1)
_RELATIVE = re.compile(r"(?:now)?([+-])(.+)", re.S)
_SCALES = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))


def parse_duration(text: str) -> timedelta:
    """`10s`, `1m`, `1h30m`, `2d`, `PT90S` as a timedelta above zero; a bare number is seconds. ValueError otherwise."""
    seconds = _seconds(text.strip())
    if seconds is None:
        raise ValueError(f"{text!r} is no duration; write it like 10s, 1m, 2h, 1d or PT10S")
    try:
        duration = timedelta(seconds=seconds)
    except OverflowError as exc:
        raise ValueError(f"{text!r} is too long") from exc
    if duration <= timedelta():
        raise ValueError(f"{text!r} must be more than nothing")
    return duration


def parse_instant(text: str, now: datetime) -> datetime:
    """RFC 3339, epoch seconds or milliseconds, `now`, `now-2h` or `-2h` as a time in UTC. ValueError otherwise."""
    text = text.strip()
    if text == "now":
        return now.astimezone(UTC)
    if (match := _RELATIVE.fullmatch(text)) and (text.startswith("now") or not _NUMBER.fullmatch(text)):
        return _shift(now, match[1], parse_duration(match[2]), text).astimezone(UTC)
    moment = parse_moment(text)
    if moment is None:
        raise ValueError(f"{text!r} is no time; write it like {EXAMPLES}")
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; write it like {EXAMPLES}")
    return moment.astimezone(UTC)


def parse_moment(text: str) -> datetime | None:
    """ISO 8601, or a number of seconds, milli-, micro- or nanoseconds since 1970; naive where the text says no zone."""
    if _NUMBER.fullmatch(text):
        return from_epoch(float(text))
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def from_epoch(number: float) -> datetime | None:
    """An epoch time in UTC; its size tells the unit: as seconds, 1e11 would be the year 5138."""
    scale = next((scale for least, scale in _SCALES if abs(number) >= least), 1.0)
    try:
        return EPOCH + timedelta(microseconds=round(number / scale * 1e6))
    except OverflowError:
        return None


def to_milliseconds(moment: datetime) -> int:
    """An aware time in whole milliseconds since 1970."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def from_milliseconds(milliseconds: int) -> datetime:
    """The time so many milliseconds after 1970, in UTC."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def show(moment: datetime) -> str:
    """A time in RFC 3339, to the second: the way it can be given back as an option."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _seconds(text: str) -> float | None:
    if _NUMBER.fullmatch(text):
        return float(text)
    if match := _ISO.fullmatch(text):
        return math.fsum(float(part) * unit for part, unit in zip(match.groups("0"), _ISO_SECONDS, strict=True))
    parts = list(_PART.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text:
        return None
    return math.fsum(float(part[1]) * _UNITS[part[2]] for part in parts)


def _shift(now: datetime, sign: str, by: timedelta, text: str) -> datetime:
    try:
        return now - by if sign == "-" else now + by
    except OverflowError as exc:
        raise ValueError(f"{text!r} is out of range") from exc
