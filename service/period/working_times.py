"""The times in which something is expected: those of shifts, without their breaks; all the time where there are no
shifts. So a break, a night or a weekend is no standstill."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from service.period.shifts import Interval, Shifts

_FAR = tuple(timedelta(days=2**number) for number in range(7))
"""How far working times are looked for: farther and farther, up to nine weeks."""


def working_times(shifts: Shifts, start: datetime, end: datetime) -> list[Interval]:
    """The times between two moments in which there is a shift and no break, in order and in UTC."""
    if not shifts:
        return [(start, end)] if start < end else []
    found: list[Interval] = []
    for shift in shifts.between(start, end):
        first = shift.start
        for begin, until in (*shift.breaks, (shift.end, shift.end)):
            found.append((max(first, start), min(begin, end)))
            first = until
    return [(first.astimezone(UTC), last.astimezone(UTC)) for first, last in found if first < last]


def worked(shifts: Shifts, start: datetime, end: datetime) -> timedelta:
    """How much of the time between two moments is working time."""
    return _sum(working_times(shifts, start, end))


def moment_after(shifts: Shifts, start: datetime, length: timedelta) -> datetime:
    """The first moment at which so much working time has passed since `start`; nine weeks later at most."""
    if not shifts:
        return start + length
    times = next(times for far in _FAR if _is_enough(times := working_times(shifts, start, start + far), length, far))
    left = length
    for first, last in times:
        if last - first >= left:
            return first + left
        left -= last - first
    return start + _FAR[-1]


def moment_before(shifts: Shifts, end: datetime, length: timedelta) -> datetime:
    """The last moment since which so much working time has passed up to `end`; nine weeks earlier at most."""
    if not shifts:
        return end - length
    times = next(times for far in _FAR if _is_enough(times := working_times(shifts, end - far, end), length, far))
    left = length
    for first, last in reversed(times):
        if last - first >= left:
            return last - left
        left -= last - first
    return end - _FAR[-1]


def _is_enough(times: Iterable[Interval], length: timedelta, far: timedelta) -> bool:
    return _sum(times) >= length or far == _FAR[-1]


def _sum(times: Iterable[Interval]) -> timedelta:
    return sum((last - first for first, last in times), timedelta())
