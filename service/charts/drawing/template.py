"""The Vega-Lite specifications without data, sizes and texts: built by Altair once a process, then only filled."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import altair as alt
import msgspec

from service.charts.drawing.themes import THEMES, Theme, config, outlines, palette

NUMBER = (
    "datum.value === 0 ? '0'"
    " : abs(datum.value) >= 1e15 || abs(datum.value) < 1e-3 ? format(datum.value, '.2~e')"
    " : abs(datum.value) >= 1000 ? format(datum.value, '.4~s')"
    " : format(datum.value, '~r')"
)
"""Thousands as 1.5k, millions as 2M; a tenth as 0.1 and not as 100m."""

NOTE, LARGE_NOTE = 13, 16
"""Sizes of what is said in a plot."""
OUTLINED = ("plan~", "fact~", "missed")
UNFINISHED = ("plan~", "fact~")
"""Kinds of bars that are outlined with dashes."""
OUTLINE = 1.5
"""Width of an outline."""
DASHES = [3, 2]
"""Of the outline of what isn't over yet."""


@cache
def template(theme: str, *, compact: bool, split: bool) -> bytes:
    """A specification as JSON: of one panel, or of a panel for each value of the field `panel`."""
    if split:
        made = _panel(theme, compact=compact)
        header = alt.Header(labelAnchor="start", labelOrient="top", labelExpr="")
        facet = made.properties(width=1, height=1).facet(
            facet=alt.Facet("panel:O", title=None, header=header), columns=1, data=alt.NamedData(name="bars")
        )
        made = facet.resolve_axis(x="independent").resolve_scale(y="independent")
    else:
        made = _panel(theme, compact=compact, data="bars").properties(
            width=1, height=1, autosize=alt.AutoSizeParams(type="fit", contains="padding")
        )
    made = made.properties(title=alt.TitleParams("", subtitle="", anchor="start"))
    return msgspec.json.encode(made.configure(**config(THEMES[theme], compact=compact)).to_dict())


def _panel(theme: str, *, compact: bool, data: str | None = None) -> alt.LayerChart:
    """Bars, notes on them and a line at zero; without `data`, the data are those of the facet around it."""
    colours = palette(THEMES[theme])
    bars = (
        alt.Chart(alt.NamedData(name=data) if data else alt.Undefined)
        .mark_bar(binSpacing=0, strokeWidth=OUTLINE)
        .encode(
            x=alt.X(
                "from:Q",
                bin="binned",
                title=None,
                scale=alt.Scale(domain=[0, 1], nice=False, zero=False),
                axis=alt.Axis(
                    values=[0],
                    labelExpr="",
                    labelAngle=0,
                    labelFlush=False,
                    labelOverlap=False,
                    grid=False,
                    tickSize=4,
                    labelLimit=0,
                ),
            ),
            x2="to:Q",
            y=alt.Y(
                "value:Q",
                title=None,
                stack=None,
                scale=alt.Scale(zero=True),
                axis=alt.Axis(labelExpr=NUMBER, domain=False, ticks=False, labelLimit=0),
            ),
            fill=alt.Fill(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=list(colours), range=list(colours.values())),
                legend=alt.Legend(
                    orient="top",
                    direction="horizontal",
                    offset=8,
                    symbolType="square",
                    values=[],
                    labelExpr="",
                    columns=5,
                ),
            ),
            stroke={**_of_kind(outlines(THEMES[theme])), "value": None},
            strokeDash=_of_kind(dict.fromkeys(UNFINISHED, DASHES)),
            description="label:N",
            tooltip="label:N",
        )
    )
    layered: alt.LayerChart = (
        bars + _notes(THEMES[theme], compact=compact, own_data=data is not None) + _zero(THEMES[theme])
    )
    return layered


def _of_kind(values: Mapping[str, object]) -> Any:
    """An encoding that gives some kinds of bars a value of their own; and the same to the legend's squares, which the
    drawing library makes of it: a square's kind is its value."""
    return {
        "condition": [
            {"test": f"(datum.kind || datum.value) === '{kind}'", "value": value} for kind, value in values.items()
        ]
    }


def _notes(theme: Theme, *, compact: bool, own_data: bool) -> alt.Chart:
    """Texts in the middle of the plot, of the rows that have a `top`, which the y axis reaches at least."""
    chart = alt.Chart(alt.NamedData(name="notes")) if own_data else alt.Chart().transform_filter("isValid(datum.top)")
    made: alt.Chart = chart.mark_text(
        fontSize=NOTE if compact else LARGE_NOTE, color=theme.muted, dy=alt.expr("height / 2")
    ).encode(text="text:N", x=alt.value(alt.expr("width / 2")), y=alt.Y("top:Q", title=None))
    return made


def _zero(theme: Theme) -> alt.Chart:
    """A line for bars to stand on and to hang from."""
    made: alt.Chart = alt.Chart(alt.NamedData(name="zero")).mark_rule(color=theme.ink).encode(y=alt.datum(0))
    return made
