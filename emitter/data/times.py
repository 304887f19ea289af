"""Times as people write them."""

import re
from datetime import UTC, datetime, timedelta

from emitter.quantities import parse_duration

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EXAMPLES = "2026-01-31T14:05:00Z, 1769868300, now, now-2h or -2h"

_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_RELATIVE = re.compile(r"(?:now)?([+-])(.+)", re.S)
SMALLEST = 1e8
"""A smaller number isn't taken for an epoch time, as it is most likely a day number of a spreadsheet. The service
refuses it as well."""
_SCALES = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))


def parse_instant(text: str, now: datetime) -> datetime:
    """RFC 3339, epoch seconds or milliseconds, `now`, `now-2h` or `-2h` as a time in UTC. Raises ValueError for
    anything else."""
    text = text.strip()
    if text == "now":
        return now.astimezone(UTC)
    if (match := _RELATIVE.fullmatch(text)) and (text.startswith("now") or not _NUMBER.fullmatch(text)):
        return _shift(now, match[1], parse_duration(match[2]), text).astimezone(UTC)
    moment = parse_moment(text)
    if moment is None:
        raise ValueError(f"{text!r} isn't a time; write it like {EXAMPLES}")
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no offset; write it like {EXAMPLES}")
    return moment.astimezone(UTC)


def parse_moment(text: str) -> datetime | None:
    """ISO 8601, or a number of seconds, milli-, micro- or nanoseconds since 1970. The time is naive where the text has
    no offset."""
    if _NUMBER.fullmatch(text):
        return from_epoch(float(text))
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def is_small_number(text: str) -> bool:
    """Whether the text is a number that is too small for an epoch time."""
    return _NUMBER.fullmatch(text) is not None and abs(float(text)) < SMALLEST


def from_epoch(number: float) -> datetime | None:
    """An epoch time in UTC. Its size tells the unit: 1e11 seconds would be in the year 5138."""
    scale = next((scale for least, scale in _SCALES if abs(number) >= least), 1.0)
    try:
        return EPOCH + timedelta(microseconds=round(number / scale * 1e6))
    except OverflowError:
        return None


def to_milliseconds(moment: datetime) -> int:
    """A timezone-aware time in whole milliseconds since 1970."""
    return (moment - EPOCH) // timedelta(milliseconds=1)


def from_milliseconds(milliseconds: int) -> datetime:
    """The time in UTC, given milliseconds since 1970."""
    return EPOCH + timedelta(milliseconds=milliseconds)


def show(moment: datetime) -> str:
    """A time in RFC 3339, to the second, as options accept it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _shift(now: datetime, sign: str, by: timedelta, text: str) -> datetime:
    try:
        return now - by if sign == "-" else now + by
    except OverflowError as exc:
        raise ValueError(f"{text!r} is out of range") from exc
