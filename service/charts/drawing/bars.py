"""The bars in the plot: where each one stands, how high it is, and of which kind.

Where the steps are wide enough, plan and fact are two bars side by side. Where they aren't, pairs of bars of a pixel or
two would blur into a pattern in which nobody could see a fact below its plan. Then the fact is one bar as wide as its
step, and the plan a line across it.

No value is invisible: a bar is at least a pixel wide and, unless its value is 0, two pixels high.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from service.charts.drawing.picture import Picture
from service.charts.drawing.themes import OUTLINE, OUTLINED
from service.charts.drawing.time_line import TimeLine, time_line
from service.languages.directions import isolated
from service.languages.language import language_named
from service.period.bucket import Bucket, Panel

PAIR_WIDTH, LONE_PAIR_WIDTH = 10.0, 6.0
"""Pixels from which on a step has room for two bars. The second holds where no two steps with readings are neighbours:
then no pattern arises."""
PAIR_MARGIN = 0.1
"""The share of a step's width that is left free on either side of its two bars."""
BAR_GAP, BAR_GAP_FROM = 1.0, 6.0
"""Pixels between two bars that are as wide as their steps, where the steps have at least so many pixels."""
LINE_THICKNESS, LINE_LENGTH = 2.0, 6.0
"""Pixels of the line of a plan; it is at least so long where there is nothing beside it."""
MIN_BAR_WIDTH, MIN_BAR_HEIGHT = 1.0, 2.0
"""Pixels that each bar has at least. It is higher than the line at zero, which would hide it otherwise."""
COLOUR_HEIGHT = 4.0
"""Pixels of a bar's height from which on its colour can be recognised."""
_HAIR = 0.01
"""Pixels by which the line of a plan begins before the bar of the fact: a bar is identified by where it begins."""

Bar = dict[str, Any]


class _Step(msgspec.Struct, frozen=True, gc=False):
    """A bucket, where on the time axis its step begins and ends, and its beginning in words."""

    bucket: Bucket
    left: int
    right: int
    when: str


class _Scale(msgspec.Struct, frozen=True):
    """What a pixel of a panel stands for: so many milliseconds of its width, and so much of a value of its height."""

    wide: float
    high: float


def is_dense(picture: Picture, width: float) -> bool:
    """Whether plans are lines across bars: where they are to be, and where the steps of a plot of this width have no
    room for two bars."""
    if picture.style == "target":
        return True
    pitch = width / max(1, len(picture.period.kept))
    if LONE_PAIR_WIDTH <= pitch < PAIR_WIDTH:
        there = {bucket.bucket for panel in picture.panels for bucket in panel.buckets}
        return any(a in there and b in there for a, b in pairwise(picture.period.edges))
    return pitch < PAIR_WIDTH


def bars(picture: Picture, width: float, height: float, spans: Sequence[float]) -> Iterator[Bar]:
    """The bars of every panel, in the order in which they are drawn over each other. A panel is about `width` by
    `height` pixels; `spans` has what its value axis reaches over."""
    draw = _lines_across_bars if is_dense(picture, width) else _pairs
    line = time_line(picture.period, width)
    wide = (line.end - line.start) / width
    for number, (panel, span) in enumerate(zip(picture.panels, spans, strict=True)):
        scale = _Scale(wide, span / height)
        for bar in draw(picture, panel, line, scale):
            yield {**bar, "panel": number}


def is_missed(picture: Picture, bucket: Bucket) -> bool:
    """Whether the step is over and its fact, which counts as 0 where there is none, too far below its plan."""
    if picture.threshold is None or bucket.plan is None or not _is_over(picture, bucket):
        return False
    return picture.threshold.is_missed(bucket.plan, bucket.fact or 0)


def _is_over(picture: Picture, bucket: Bucket) -> bool:
    return picture.unfinished is None or bucket.bucket < picture.unfinished


def _pairs(picture: Picture, panel: Panel, line: TimeLine, scale: _Scale) -> Iterator[Bar]:
    """The bars of plan and fact side by side; one that has no value is left out."""
    for step in _steps(picture, panel, line):
        plan, fact = step.bucket.plan, step.bucket.fact
        kinds = _kinds(picture, step.bucket, scale)
        margin, middle = PAIR_MARGIN * (step.right - step.left), (step.left + step.right) / 2
        if plan is not None:
            yield _bar(
                kinds[0], (step.left + margin, middle), _high(plan, scale), scale, _label(picture, step, 0, plan)
            )
        if fact is not None:
            yield _bar(
                kinds[1], (middle, step.right - margin), _high(fact, scale), scale, _label(picture, step, 1, fact)
            )


def _lines_across_bars(picture: Picture, panel: Panel, line: TimeLine, scale: _Scale) -> Iterator[Bar]:
    """The bars of all the facts, and those that mark plans without one, then the lines of the plans."""
    steps = _steps(picture, panel, line)
    for step in steps:
        plan, fact = step.bucket.plan, step.bucket.fact
        kinds = _kinds(picture, step.bucket, scale)
        gap = BAR_GAP * scale.wide if step.right - step.left >= BAR_GAP_FROM * scale.wide else 0
        ends = step.left + gap, step.right
        if plan is not None and kinds[0] == "missed":
            yield {**_bar("missed", ends, _high(plan, scale), scale, _label(picture, step, 0, plan)), "base": 0}
        if fact is not None:
            yield {**_bar(kinds[1], ends, _high(fact, scale), scale, _label(picture, step, 1, fact)), "base": 0}
    yield from _lines(picture, steps, scale)


def _lines(picture: Picture, steps: Sequence[_Step], scale: _Scale) -> Iterator[Bar]:
    """A piece of line for each plan that isn't 0, long enough to be seen where there is room beside it."""
    last = len(steps) - 1
    for number, step in enumerate(steps):
        if plan := step.bucket.plan:
            lacking = max(0.0, (LINE_LENGTH * scale.wide - (step.right - step.left)) / 2)
            before = step.left - steps[number - 1].right if number else 4 * lacking
            after = steps[number + 1].left - step.right if number < last else 4 * lacking
            left, right = step.left - min(lacking, before / 4), step.right + min(lacking, after / 4)
            # at the very bottom the line would hide the fact
            top = math.copysign(max(abs(plan), (LINE_THICKNESS + MIN_BAR_HEIGHT) * scale.high), plan)
            label = _label(picture, step, 0, plan)
            base = top - math.copysign(LINE_THICKNESS * scale.high, top)
            yield {**_bar("plan", (left - _HAIR * scale.wide, right), top, scale, label), "base": base}


def _steps(picture: Picture, panel: Panel, line: TimeLine) -> list[_Step]:
    zone, edges = ZoneInfo(picture.period.zone), picture.period.edges
    times = language_named(picture.language).times
    found = []
    for bucket in panel.buckets:
        end = edges[bisect_right(edges, bucket.bucket)]
        when = times.strftime(bucket.bucket.astimezone(zone), picture.time_format)
        found.append(_Step(bucket, line.at(bucket.bucket), line.at(end), when))
    return found


def _kinds(picture: Picture, bucket: Bucket, scale: _Scale) -> tuple[str, str]:
    """The kinds of the two bars. Where a plan is missed and the bar of the fact is too low to show it, the bar of the
    plan does."""
    if not _is_over(picture, bucket):
        return "plan~", "fact~"
    if not is_missed(picture, bucket):
        return "plan", "fact"
    # beside running totals all bars are low
    is_seen = bucket.fact if picture.running else abs(bucket.fact or 0) >= COLOUR_HEIGHT * scale.high
    return "plan" if is_seen else "missed", "below"


def _bar(kind: str, ends: tuple[float, float], top: float, scale: _Scale, label: str) -> Bar:
    """One bar, whose outline, if it has one, lies within its width."""
    left, right = ends
    if kind in OUTLINED:
        inset = min(OUTLINE / 2 * scale.wide, (right - left) / 4)
        left, right = left + inset, right - inset
    if right - left < MIN_BAR_WIDTH * scale.wide:
        middle = (left + right) / 2
        left, right = middle - MIN_BAR_WIDTH / 2 * scale.wide, middle + MIN_BAR_WIDTH / 2 * scale.wide
    return {"from": left, "to": right, "kind": kind, "value": top, "label": label}


def _label(picture: Picture, step: _Step, which: int, value: float) -> str:
    number = language_named(picture.language).numbers.localised(f"{value:.15g}")
    said = f"{step.when}, {isolated(picture.labels[which])} {number}"
    return f"{said} {isolated(picture.unit)}" if picture.unit else said


def _high(value: float, scale: _Scale) -> float:
    """The value, or a larger one where its bar would be too low to be seen."""
    return math.copysign(max(abs(value), MIN_BAR_HEIGHT * scale.high), value) if value else 0
