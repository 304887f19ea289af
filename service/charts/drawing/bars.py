"""What is drawn in the plot: a bar for each value, where it stands, how high it is and of which kind.

Where a step has room for them, plan and fact are two bars side by side. Where it hasn't, pairs of a pixel or two would
blur into a pattern in which nobody reads who was below: then fact is one bar as wide as its step, and plan a line
across it.

Nothing that has a value is invisible: a bar is at least a pixel wide, and if its value isn't 0, two pixels high.
"""

import math
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from service.charts.drawing.picture import Picture
from service.charts.drawing.template import OUTLINE, OUTLINED
from service.charts.drawing.time_axis import milliseconds
from service.period.bucket import Bucket, Panel

PAIR, LONE_PAIR = 10.0, 6.0
"""Pixels from which a step has room for two bars; and where no step stands beside another, and no pattern arises."""
MARGIN = 0.1
"""Share of a step's width left free on either side of its two bars."""
GAP, GAP_FROM = 1.0, 6.0
"""Pixels between two bars as wide as their steps, where these have so many."""
LINE, LINE_LENGTH = 2.0, 6.0
"""How thick the line of a plan is in pixels, and how long at least where there is nothing beside it."""
NARROWEST, LOWEST = 1.0, 2.0
"""Pixels of a bar's width, at least; and of its height, so that there is more of it than the line at zero hides."""
SEEN = 4.0
"""Pixels of a bar's height from which its colour can be seen."""
_HAIR = 0.01
"""Pixels by which a line begins before the bar that it crosses: bars are told apart by where they begin."""

Bar = dict[str, Any]


class _Step(msgspec.Struct, frozen=True, gc=False):
    """A bucket, the milliseconds at which its step begins and ends, and when that is in words."""

    bucket: Bucket
    left: int
    right: int
    when: str


class _Scale(msgspec.Struct, frozen=True):
    """What a pixel of a panel is in milliseconds, and what in values."""

    wide: float
    high: float


def is_dense(picture: Picture, width: float) -> bool:
    """Whether the steps of a plot so wide have no room for two bars."""
    pitch = width / (len(picture.period.edges) - 1)
    if LONE_PAIR <= pitch < PAIR:
        there = {bucket.bucket for panel in picture.panels for bucket in panel.buckets}
        return any(a in there and b in there for a, b in pairwise(picture.period.edges))
    return pitch < PAIR


def bars(picture: Picture, width: float, height: float, spans: Sequence[float]) -> Iterator[Bar]:
    """The bars of every panel, which is about `width` by `height` pixels, and whose y axis spans so much; what comes
    later lies on what came before."""
    draw = _lines_across_bars if is_dense(picture, width) else _pairs
    wide = (milliseconds(picture.period.end) - milliseconds(picture.period.start)) / width
    for number, (panel, span) in enumerate(zip(picture.panels, spans, strict=True)):
        scale = _Scale(wide, span / height)
        for bar in draw(picture, panel, scale):
            yield {**bar, "panel": number}


def is_missed(picture: Picture, bucket: Bucket) -> bool:
    """Whether the step is over, and its fact, or nothing where it has none, too far below its plan."""
    if picture.threshold is None or bucket.plan is None or not _is_over(picture, bucket):
        return False
    return bucket.plan - (bucket.fact or 0) > picture.threshold


def _is_over(picture: Picture, bucket: Bucket) -> bool:
    return picture.unfinished is None or bucket.bucket < picture.unfinished


def _pairs(picture: Picture, panel: Panel, scale: _Scale) -> Iterator[Bar]:
    """Plan left of fact; one that has no value is left out."""
    for step in _steps(picture, panel):
        plan, fact = step.bucket.plan, step.bucket.fact
        kinds = _kinds(picture, step.bucket, scale)
        margin, middle = MARGIN * (step.right - step.left), (step.left + step.right) / 2
        if plan is not None:
            yield _bar(kinds[0], (step.left + margin, middle), _high(plan, scale), scale, _label(step, "plan", plan))
        if fact is not None:
            yield _bar(kinds[1], (middle, step.right - margin), _high(fact, scale), scale, _label(step, "fact", fact))


def _lines_across_bars(picture: Picture, panel: Panel, scale: _Scale) -> Iterator[Bar]:
    """All the facts, and what stands for those that are missing, then the plans."""
    steps = _steps(picture, panel)
    for step in steps:
        plan, fact = step.bucket.plan, step.bucket.fact
        kinds = _kinds(picture, step.bucket, scale)
        gap = GAP * scale.wide if step.right - step.left >= GAP_FROM * scale.wide else 0
        ends = step.left + gap, step.right
        if plan is not None and kinds[0] == "missed":
            yield {**_bar("missed", ends, plan, scale, _label(step, "plan", plan)), "base": 0}
        if fact is not None:
            yield {**_bar(kinds[1], ends, _high(fact, scale), scale, _label(step, "fact", fact)), "base": 0}
    yield from _lines(steps, scale)


def _lines(steps: Sequence[_Step], scale: _Scale) -> Iterator[Bar]:
    """A piece of line for each plan but 0; where there is nothing beside it, as long as can be seen."""
    last = len(steps) - 1
    for number, step in enumerate(steps):
        if plan := step.bucket.plan:
            lacking = max(0.0, (LINE_LENGTH * scale.wide - (step.right - step.left)) / 2)
            before = step.left - steps[number - 1].right if number else 4 * lacking
            after = steps[number + 1].left - step.right if number < last else 4 * lacking
            left, right = step.left - min(lacking, before / 4), step.right + min(lacking, after / 4)
            # at the very bottom it would hide the fact
            top = math.copysign(max(abs(plan), (LINE + LOWEST) * scale.high), plan)
            label = _label(step, "plan", plan)
            base = top - math.copysign(LINE * scale.high, top)
            yield {**_bar("plan", (left - _HAIR * scale.wide, right), top, scale, label), "base": base}


def _steps(picture: Picture, panel: Panel) -> list[_Step]:
    zone, edges = ZoneInfo(picture.period.zone), picture.period.edges
    found = []
    for bucket in panel.buckets:
        end = edges[bisect_right(edges, bucket.bucket)]
        when = bucket.bucket.astimezone(zone).strftime(picture.time_format)
        found.append(_Step(bucket, milliseconds(bucket.bucket), milliseconds(end), when))
    return found


def _kinds(picture: Picture, bucket: Bucket, scale: _Scale) -> tuple[str, str]:
    """Those of plan and fact. A plan is marked itself where there is too little of the fact to bear a mark."""
    if not _is_over(picture, bucket):
        return "plan~", "fact~"
    if not is_missed(picture, bucket):
        return "plan", "fact"
    return "plan" if abs(bucket.fact or 0) >= SEEN * scale.high else "missed", "below"


def _bar(kind: str, ends: tuple[float, float], top: float, scale: _Scale, label: str) -> Bar:
    """One bar; an outline lies within its width."""
    left, right = ends
    if kind in OUTLINED:
        inset = min(OUTLINE / 2 * scale.wide, (right - left) / 4)
        left, right = left + inset, right - inset
    if right - left < NARROWEST * scale.wide:
        middle = (left + right) / 2
        left, right = middle - NARROWEST / 2 * scale.wide, middle + NARROWEST / 2 * scale.wide
    return {"from": left, "to": right, "kind": kind, "value": top, "label": label}


def _label(step: _Step, name: str, value: float) -> str:
    return f"{step.when}, {name} {value:.15g}"


def _high(value: float, scale: _Scale) -> float:
    """The value, or as much as can be seen of it."""
    return math.copysign(max(abs(value), LOWEST * scale.high), value) if value else 0
