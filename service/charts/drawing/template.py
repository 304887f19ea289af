"""Vega-Lite specifications without data, sizes and texts: Altair builds each once in a process, pictures fill it in."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import altair as alt
import msgspec

from service.charts.drawing.more_layers import cut_layers, note_layer, now_layers, running_layers
from service.charts.drawing.themes import THEMES, Theme, config, outlines, palette

NUMBER = (
    "datum.value === 0 ? '0'"
    " : abs(datum.value) >= 1e15 || abs(datum.value) < 1e-3 ? format(datum.value, '.2~e')"
    " : abs(datum.value) >= 1000 ? format(datum.value, '.4~s')"
    " : format(datum.value, '~r')"
)
"""A Vega expression that writes thousands as 1.5k and millions as 2M, but a tenth as 0.1 and not as 100m."""

TEXT, LARGE_TEXT = 13, 16
"""The font sizes of texts in a plot."""
OUTLINED = ("plan~", "fact~", "missed")
UNFINISHED = ("plan~", "fact~")
"""Kinds of bars that are outlined with dashes."""
OUTLINE = 1.5
"""The width of an outline in pixels."""
DASHES = [3, 2]
"""The dashes and gaps, in pixels, of the outlines of steps that aren't over yet."""


@cache
def template(
    theme: str,
    *,
    compact: bool,
    split: bool,
    running: bool = False,
    reaches_on: bool = False,
    cut: bool = False,
    noted: bool = False,
) -> bytes:
    """A specification as JSON: for a single panel or, if `split`, with a panel for each value of the field `panel`. It
    has layers for running totals, for where the time axis is `cut`, for notes if it is `noted`, and for a line at the
    present where the chart `reaches_on` beyond it."""
    layers = Layers(running=running, now=reaches_on, cut=cut, noted=noted)
    if split:
        made = _panel(theme, layers, compact=compact)
        header = alt.Header(labelAnchor="start", labelOrient="top", labelExpr="")
        facet = made.properties(width=1, height=1).facet(
            facet=alt.Facet("panel:O", title=None, header=header), columns=1, data=alt.NamedData(name="bars")
        )
        made = facet.resolve_axis(x="independent").resolve_scale(y="independent")
    else:
        made = _panel(theme, layers, compact=compact, data="bars").properties(
            width=1, height=1, autosize=alt.AutoSizeParams(type="fit", contains="padding")
        )
    made = made.properties(title=alt.TitleParams("", subtitle="", anchor="start"))
    return msgspec.json.encode(made.configure(**config(THEMES[theme], compact=compact)).to_dict())


class Layers(msgspec.Struct, frozen=True):
    """The layers of a panel that not every picture has."""

    running: bool
    now: bool
    cut: bool
    noted: bool


def _panel(theme: str, layers: Layers, *, compact: bool, data: str | None = None) -> alt.LayerChart:
    """Bars, texts over them and a line at zero. Without `data`, a panel takes its data from the facet that it is in."""
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
    own_data = data is not None
    layered: alt.LayerChart = bars + _texts(THEMES[theme], compact=compact, own_data=own_data) + _zero(THEMES[theme])
    if layers.running:
        layered += running_layers(THEMES[theme], "totals" if own_data else None, compact=compact or not own_data)
    if layers.cut:
        layered += cut_layers(THEMES[theme], "cuts" if own_data else None)
    if layers.noted:
        layered += note_layer(THEMES[theme], "notes" if own_data else None)
    if layers.now:
        layered += now_layers(THEMES[theme], "now" if own_data else None)
    return layered


def _of_kind(values: Mapping[str, object]) -> Any:
    """An encoding that gives some kinds of bars a value of their own. The drawing library makes the squares of the
    legend by the same encoding; the kind of a square is its `value`."""
    return {
        "condition": [
            {"test": f"(datum.kind || datum.value) === '{kind}'", "value": value} for kind, value in values.items()
        ]
    }


def _texts(theme: Theme, *, compact: bool, own_data: bool) -> alt.Chart:
    """Texts in the middle of the plot, one for each row that has a `top`; the value axis reaches at least to that."""
    chart = alt.Chart(alt.NamedData(name="texts")) if own_data else alt.Chart().transform_filter("isValid(datum.top)")
    made: alt.Chart = chart.mark_text(
        fontSize=TEXT if compact else LARGE_TEXT, color=theme.muted, dy=alt.expr("height / 2")
    ).encode(text="text:N", x=alt.value(alt.expr("width / 2")), y=alt.Y("top:Q", title=None))
    return made


def _zero(theme: Theme) -> alt.Chart:
    """A line on which bars stand and from which bars below zero hang."""
    made: alt.Chart = alt.Chart(alt.NamedData(name="zero")).mark_rule(color=theme.ink).encode(y=alt.datum(0))
    return made
