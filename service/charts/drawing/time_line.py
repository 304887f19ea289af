"""Where moments stand on the time axis. It is linear in time but where steps are left out: there it is cut, and goes on
after a small gap."""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from itertools import pairwise

import msgspec

from service.period.steps import Period, Step

GAP, MOST_GAPS = 11, 0.25
"""Pixels of the gap at each cut, and the largest share of the axis that all gaps together take."""


class Stretch(msgspec.Struct, frozen=True):
    """A part of the axis without a cut, from `start` to `end` in milliseconds since 1970, which begins at `left`."""

    start: int
    end: int
    left: int

    @property
    def right(self) -> int:
        return self.left + self.end - self.start


class TimeLine(msgspec.Struct, frozen=True):
    """The stretches of an axis in order. Places on it are in milliseconds; without a cut they are those since 1970."""

    stretches: tuple[Stretch, ...]

    @property
    def start(self) -> int:
        return self.stretches[0].left

    @property
    def end(self) -> int:
        return self.stretches[-1].right

    @property
    def minutes(self) -> float:
        """How long all that is shown lasts."""
        return sum(one.end - one.start for one in self.stretches) / 60_000

    @property
    def cuts(self) -> tuple[int, ...]:
        """The middle of each gap."""
        return tuple((before.right + after.left) // 2 for before, after in pairwise(self.stretches))

    def at(self, moment: datetime) -> int:
        """The place of a moment. What is left out lies in the middle of its gap, or at the end of the axis."""
        ms = milliseconds(moment)
        number = max(0, bisect_right(self.stretches, ms, key=lambda one: one.start) - 1)
        one = self.stretches[number]
        if ms <= one.end or number == len(self.stretches) - 1:
            return one.left + min(max(ms, one.start), one.end) - one.start
        return (one.right + self.stretches[number + 1].left) // 2


@lru_cache(64)
def time_line(period: Period, width: float) -> TimeLine:
    """The axis of a period in a plot of this width. Of a period of which nothing is kept, it is that of the whole."""
    kept = period.kept
    if period.open is None or not kept:
        start = milliseconds(period.start)
        return TimeLine((Stretch(start, milliseconds(period.end), start),))
    runs = list(_runs(kept))
    shown = sum(end - start for start, end in runs)
    cuts = len(runs) - 1
    share = min(GAP * cuts / width, MOST_GAPS)
    gap = round(shown * share / (1 - share) / cuts) if cuts else 0
    stretches: list[Stretch] = []
    for start, end in runs:
        stretches.append(Stretch(start, end, stretches[-1].right + gap if stretches else start))
    return TimeLine(tuple(stretches))


def milliseconds(moment: datetime) -> int:
    """The milliseconds since 1970."""
    return round(moment.timestamp() * 1000)


def _runs(steps: tuple[Step, ...]) -> Iterator[tuple[int, int]]:
    """The beginning and the end of each run of steps that follow each other."""
    begin, end = steps[0]
    for start, after in steps[1:]:
        if start != end:
            yield milliseconds(begin), milliseconds(end)
            begin = start
        end = after
    yield milliseconds(begin), milliseconds(end)
