"""The labels of the time axis: where they stand, and what they say by the clock of the period's zone."""

import math
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from service.charts.drawing.lettering import width_of
from service.charts.drawing.time_line import TimeLine, time_line
from service.languages.times import Times
from service.period.steps import Period

LABEL_GAP = 16
"""The fewest pixels between two labels."""
LEFT_ROOM = 44
"""Pixels that a label may reach beyond the left end of the axis, below the numbers of the value axis."""
CLOCK_FORMAT = "%H:%M"

_DAY = 1440
_MINUTES = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720)
_DAYS = (1, 2, 7)
_MONTHS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600, 1200)
_UNSAID = {"1d": (" %H:%M",), "1w": (" %H:%M",), "1M": (" %H:%M", "-%d"), "1y": (" %H:%M", "-%d", "-%m")}
"""What is dropped from the end of a time format, by step: a step of days begins at midnight, one of months on the first
of a month, and so on."""

Unit = Callable[[datetime], int]
"""Numbers the units of time, hours for example, on a zone's clock: gives the number of the one in which a moment lies.
Labels stand where a unit begins."""


def labels(
    period: Period, width: float, time_format: str, size: float, times: Times, *, short: bool = False
) -> dict[int, str]:
    """The labels, as many as there is room for: the place of the middle of a step -> its beginning in words.

    A label stands below the middle of its step, on an axis of this width in pixels. It may reach beyond the left end of
    the axis but not beyond the right one. No two neighbours say the same. If `short`, labels say the time, and the date
    in a second line where it isn't that of the label before.
    """
    zone = ZoneInfo(period.zone)
    for unsaid in _UNSAID.get(period.step, ()):
        time_format = time_format.removesuffix(unsaid) or time_format
    line, steps = time_line(period, width), period.kept or tuple(pairwise(period.edges))
    starts = [start.astimezone(zone) for start, _ in steps]
    before = _before(starts[0], period)

    def written(numbers: Sequence[int]) -> dict[int, str]:
        moments = [starts[number] for number in numbers]
        texts = _short(moments, times) if short else (times.strftime(moment, time_format) for moment in moments)
        middles = ((line.at(steps[number][0]) + line.at(steps[number][1])) // 2 for number in numbers)
        return dict(zip(middles, texts, strict=True))

    sample = CLOCK_FORMAT if short else time_format
    for unit in _fitting_units(period, line, width, width_of(times.strftime(starts[0], sample), size)):
        texts = written([number for number, (a, b) in enumerate(pairwise([before, *starts])) if unit(a) != unit(b)])
        if all(a != b for a, b in pairwise(texts.values())) and (found := _placed(texts, line, width, size)):
            return found
    return written([len(starts) // 2])


def _before(first: datetime, period: Period) -> datetime:
    """A moment of the step before the first: of the day before where steps between are left out."""
    is_cut = period.open is not None and not period.open.has(first - timedelta(minutes=1))
    return (first.astimezone(UTC) - (timedelta(days=1) if is_cut else timedelta(seconds=1))).astimezone(first.tzinfo)


def _short(moments: Sequence[datetime], times: Times) -> Iterator[str]:
    """The times, with the date below the first one of each day. If all of them are midnights, the dates alone."""
    are_days = all(moment.hour == moment.minute == 0 for moment in moments)
    before = None
    for moment in moments:
        day = times.short_day(moment, moment.tzinfo or UTC)
        time = moment.strftime(CLOCK_FORMAT)
        yield day if are_days else time if moment.date() == before else f"{time}\n{day}"
        before = moment.date()


def _placed(texts: dict[int, str], line: TimeLine, width: float, size: float) -> dict[int, str]:
    """The labels that don't reach out of the picture; none at all where two of them would stand too close together."""
    start, end = line.start, line.end
    found, free = {}, [-math.inf, -math.inf]
    for at, text in texts.items():
        halves = [width_of(line, size) / 2 for line in text.split("\n")]
        middle = width * (at - start) / (end - start)
        if any(middle - half < line for half, line in zip(halves, free, strict=False)):
            return {}
        if middle - max(halves) >= -LEFT_ROOM and middle + max(halves) <= width:
            found[at] = text
            free[: len(halves)] = [middle + half + LABEL_GAP for half in halves]
    return found


def _fitting_units(period: Period, line: TimeLine, width: float, label: float) -> Iterator[Unit]:
    """The units at each of which about a label of this width has room, the shortest first."""
    most = max(2.0, width / (label + LABEL_GAP) + 1)
    return (unit for length, unit in _units() if line.minutes / length <= most and 60 * length >= 0.9 * period.seconds)


def _units() -> list[tuple[int, Unit]]:
    """The units with their lengths in minutes, the shortest first."""
    return [
        *((each, _clock(each)) for each in _MINUTES),
        *((each * _DAY, _calendar(each)) for each in _DAYS),
        *((each * 28 * _DAY, _months(each)) for each in _MONTHS),
    ]


def _clock(minutes: int) -> Unit:
    return lambda at: (at.toordinal() * _DAY + at.hour * 60 + at.minute) // minutes


def _calendar(days: int) -> Unit:
    return lambda at: (at.toordinal() - 1) // days  # weeks begin on Mondays


def _months(months: int) -> Unit:
    return lambda at: (at.year * 12 + at.month - 1) // months
