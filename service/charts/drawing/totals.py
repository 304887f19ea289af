"""Running totals over the bars: a stepped line for plan and one for fact, and what lies between them, named."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

import msgspec

from service.charts.drawing.picture import Picture
from service.charts.drawing.time_line import TimeLine
from service.charts.drawing.wording import ahead_text
from service.period.bucket import Panel, Running, RunningBucket

Row = dict[str, Any]
HEADROOM = 1.08
"""The height of the value axis as a share of the highest total: above that it is said by how much it is ahead or
behind."""


class _Level(msgspec.Struct, frozen=True):
    """The totals of a bucket, which last from its beginning, on the time axis, until the next; those of facts only as
    far as minutes are due. A step that isn't over yet has a plan of which only a part is due."""

    left: int
    right: int
    fact_until: int
    is_over: bool
    bucket: RunningBucket


def total_rows(picture: Picture, line: TimeLine) -> Iterator[Row]:
    """The rows of the layers of running totals, for every panel. `line` names the line that a level belongs to, and
    `said` has in words by how much the facts are ahead or behind."""
    if picture.running is None:
        return
    for number, panel in enumerate(picture.panels):
        runs = list(_runs(picture, picture.running, panel, line))
        for run, levels in enumerate(runs):
            for row in _rows(levels, run):
                yield {**row, "panel": number}
        newest = next((one for levels in reversed(runs) for one in reversed(levels) if one.left < one.fact_until), None)
        if newest is not None:
            yield {**_said(newest, picture.unit), "panel": number}


def gaps(picture: Picture, line: TimeLine) -> Iterator[Row]:
    """What lies between the two lines as far as steps are over, as bars that are drawn below all others."""
    for number, panel in enumerate(picture.panels if picture.running else ()):
        for levels in _runs(picture, picture.running, panel, line) if picture.running else ():
            for level in levels:
                bucket, ahead = level.bucket, level.bucket.ahead
                if level.is_over and ahead and level.left < level.fact_until:
                    # a bar is identified by where it begins, which a fact may do at the same place
                    ends = {"from": level.left - 1, "to": level.fact_until}
                    label = ahead_text(ahead, picture.unit)
                    tops = {"value": bucket.plan_total, "base": bucket.fact_total or 0}
                    kind = "behind" if ahead < 0 else "ahead"
                    yield {**ends, **tops, "kind": kind, "label": label, "panel": number}


def reach_of_totals(panel: Panel) -> Iterator[float]:
    """The values that the value axis has to have on it: all the totals, and room for the words above the highest."""
    for bucket in panel.buckets:
        if isinstance(bucket, RunningBucket):
            fact = bucket.fact_total or 0
            yield from (bucket.plan_total, fact, HEADROOM * max(bucket.plan_total, fact))


def _rows(levels: list[_Level], run: int) -> Iterator[Row]:
    """The lines of one run of totals."""
    due: _Level | None = None
    for level in levels:
        plan, fact = level.bucket.plan_total, level.bucket.fact_total
        if not level.is_over and due is not None:
            yield {"line": "plan~", "run": f"plan~{run}", "at": level.left, "level": due.bucket.plan_total}
        yield from _line("plan" if level.is_over else "plan~", run, level.left, level.right, plan)
        due = level if level.is_over else None
        if fact is not None and level.left < level.fact_until:
            yield from _line("fact", run, level.left, level.fact_until, fact)


def _said(newest: _Level, unit: str) -> Row:
    bucket = newest.bucket
    ahead, fact = bucket.ahead or 0, bucket.fact_total or 0
    level = max(bucket.plan_total, fact) if newest.is_over else fact
    said = ahead_text(ahead, unit)
    return {"said": said, "gap": "behind" if ahead < 0 else "ahead", "at": newest.fact_until, "level": level}


def _line(line: str, run: int, left: int, right: int, level: float) -> Iterator[Row]:
    """The two ends of a level. Levels of one line and run are joined, so that steps arise."""
    for at in (left, right):
        yield {"line": line, "run": f"{line}{run}", "at": at, "level": level}


def _runs(picture: Picture, running: Running, panel: Panel, line: TimeLine) -> Iterator[list[_Level]]:
    """The levels of each run, from one beginning of the totals to the next. Where nothing was read, totals stay as they
    are."""
    begins = [*map(line.at, running.begins), line.end]
    ends = dict(picture.period.kept)
    buckets = [bucket for bucket in panel.buckets if isinstance(bucket, RunningBucket)]
    due = line.at(running.due)
    levels: list[_Level] = []
    for bucket, after in zip_longest(buckets, buckets[1:]):
        left, end = line.at(bucket.bucket), line.at(ends[bucket.bucket])
        run_end = next(begin for begin in begins if begin > left)
        right = min(run_end, max(due, end) if after is None else line.at(after.bucket))
        levels.append(_Level(left, right, min(right, due), end <= due, bucket))
        if after is None or line.at(after.bucket) >= run_end:
            yield levels
            levels = []
