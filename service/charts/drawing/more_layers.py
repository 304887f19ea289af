"""Layers that only some pictures have: running totals over the bars, and a line at the present."""

from typing import Any

import altair as alt

from service.charts.drawing.themes import Theme

LINE, NOW_LINE = 2.5, 1.0
"""Pixels of the width of the lines."""
AHEAD_DASHES = [4, 3]
"""The dashes and gaps of the total of plans that aren't due yet."""


def running_layers(theme: Theme, data: str | None) -> alt.LayerChart:
    """The lines of the totals of plan and fact, and by how much they differ in words."""
    tinted = _by("gap", {"behind": theme.below, "ahead": theme.fact})
    drawn = _by("line", {"plan": theme.plan, "plan~": theme.plan, "fact": theme.fact})
    lines = (
        _of(data, "isValid(datum.line)")
        .mark_line(strokeWidth=LINE, strokeJoin="miter")
        .encode(
            x=alt.X("at:Q", title=None),
            y=alt.Y("level:Q", title=None),
            detail="run:N",
            stroke=drawn,
            strokeDash=_by("line", {"plan~": AHEAD_DASHES}, [1, 0]),
        )
    )
    said = (
        _of(data, "isValid(datum.said)")
        .mark_text(align="right", baseline="bottom", dx=-4, dy=-4, fontSize=15, fontWeight=600)
        .encode(x=alt.X("at:Q", title=None), y=alt.Y("level:Q", title=None), text="said:N", fill=tinted)
    )
    made: alt.LayerChart = lines + said
    return made


def now_layers(theme: Theme, data: str | None) -> alt.LayerChart:
    """A line at the present, from which on nothing is due."""
    rule = _of(data, "isValid(datum.now)").mark_rule(strokeWidth=NOW_LINE, color=theme.ink)
    word = _of(data, "isValid(datum.now)").mark_text(
        align="left", baseline="top", dx=4, dy=1, fontSize=11, color=theme.ink, text="now"
    )
    made: alt.LayerChart = rule.encode(x=alt.X("now:Q", title=None)) + word.encode(
        x=alt.X("now:Q", title=None), y=alt.value(0)
    )
    return made


def _of(data: str | None, test: str) -> alt.Chart:
    """A chart of some rows of a data set or, without one, of the rows of the panel that it is in."""
    return alt.Chart(alt.NamedData(name=data) if data else alt.Undefined).transform_filter(test)


def _by(field: str, values: dict[str, Any], other: Any = None) -> Any:
    """An encoding that has a value for each text of a field."""
    return {
        "condition": [{"test": f"datum.{field} === '{text}'", "value": value} for text, value in values.items()],
        "value": other,
    }
