"""The span of a reading: what `for` says, and which minutes of that time count. No I/O."""

from collections.abc import Callable, Sequence
from datetime import datetime

from service.errors import Refusal, quoted
from service.intake.timestamps import MINUTE, microseconds, moment_of
from service.quantities import parse_duration

MOST_MINUTES = 31 * 24 * 60
"""The most minutes of a span."""
LONGEST_TEXT = 100
"""The most characters of a duration that is read."""

Breaks = Callable[[datetime, datetime], Sequence[tuple[datetime, datetime]]]
"""Returns the breaks in a span of time, which is given by its start and its end: each from its beginning up to but not
including its end, all in UTC."""


def no_breaks(start: datetime, end: datetime) -> Sequence[tuple[datetime, datetime]]:
    """No breaks, as where there are no shifts."""
    return ()


def minutes_of(value: object) -> int:
    """The minutes of a span as `for` gives it: text like the durations of the settings, or a number of seconds. Raises
    Refusal where they aren't whole, or too few or too many."""
    seconds = _seconds(value)
    if seconds > 60 * MOST_MINUTES:
        raise Refusal("for", "is longer than 31 days; divide the time among several readings")
    if seconds < 60 or seconds % 60:
        shown = quoted(value) if isinstance(value, str) else "that many seconds"
        raise Refusal("for", f"must be whole minutes, at least one, not {shown}")
    return int(seconds) // 60


def working_minutes(ts: int, minutes: int, breaks: Breaks) -> tuple[range, ...]:
    """The minutes of the span that begins at `ts`, by their numbers in it, without those that begin within a break.
    Raises Refusal where none is left."""
    runs: list[range] = []
    at = 0
    for start, end in sorted(breaks(moment_of(ts), moment_of(ts + MINUTE * minutes))):
        stop = min(_number(start, ts), minutes)
        if at < stop:
            runs.append(range(at, stop))
        at = max(at, _number(end, ts))
    if at < minutes:
        runs.append(range(at, minutes))
    if not runs:
        raise Refusal("for", "has no minute outside of the breaks")
    return tuple(runs)


def _number(moment: datetime, ts: int) -> int:
    """The number of the first minute that begins at this time or after it."""
    return -((ts - microseconds(moment)) // MINUTE)


def _seconds(value: object) -> float:
    if isinstance(value, str) and len(value) <= LONGEST_TEXT:
        try:
            return parse_duration(value).total_seconds()
        except ValueError as exc:
            if "too long" in str(exc):
                return float("inf")
    elif isinstance(value, int | float) and not isinstance(value, bool) and not _is_nan(value):
        return value
    given = f", not {quoted(value)}" if isinstance(value, str) else ""
    raise Refusal("for", f'must be a duration like "15m", "8h" or "PT8H", or a number of seconds{given}')


def _is_nan(number: float) -> bool:
    """Whether a number is NaN, also for whole numbers that no float can hold."""
    return number != number
