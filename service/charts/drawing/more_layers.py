"""Layers that only some pictures have: running totals over the bars, where the time axis is cut, notes, and a
line at the present."""

from typing import Any

import altair as alt

from service.charts.drawing.themes import Theme

LINE, NOW_LINE = 2.5, 1.0
"""Pixels of the width of the lines."""
NOTE_SIZE, NOTE_HEIGHT = 48, -6
"""The size of the mark of a note, for the drawing library, and its place above the plot."""
CUT_DASHES = [2, 3]
BREAK, BREAK_SIZE = 6, 100
"""Pixels of the break in the axis, and the size of the two strokes in it, for the drawing library."""
STROKES = "M-0.6,0.5L-0.1,-0.5M0.1,0.5L0.6,-0.5"
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
        align="left", baseline="top", dx=4, dy=1, fontSize=11, color=theme.ink
    )
    made: alt.LayerChart = rule.encode(x=alt.X("now:Q", title=None)) + word.encode(
        x=alt.X("now:Q", title=None), y=alt.value(0), text="word:N"
    )
    return made


def cut_layers(theme: Theme, data: str | None) -> alt.LayerChart:
    """Where the time axis is cut: a dashed line, and two strokes at a break in the axis."""
    cuts = _of(data, "isValid(datum.cut)").encode(x=alt.X("cut:Q", title=None))
    line = cuts.mark_rule(strokeWidth=1, strokeDash=CUT_DASHES, color=theme.rule)
    at_axis = cuts.encode(y=alt.value("height"))
    hole = at_axis.mark_point(shape="square", size=BREAK**2, filled=True, opacity=1, color=theme.background)
    strokes = at_axis.mark_point(shape=STROKES, size=BREAK_SIZE, strokeWidth=1.2, opacity=1, stroke=theme.ink)
    made: alt.LayerChart = line + hole + strokes
    return made


def note_layer(theme: Theme, data: str | None) -> alt.Chart:
    """Small triangles that point down at the plot from above."""
    made: alt.Chart = (
        _of(data, "isValid(datum.noted)")
        .mark_point(shape="triangle-down", size=NOTE_SIZE, filled=True, opacity=1, color=theme.ink, aria=True)
        .encode(x=alt.X("noted:Q", title=None), y=alt.value(NOTE_HEIGHT), tooltip="label:N", description="label:N")
    )
    made.mark.ariaRoleDescription = "note"
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
