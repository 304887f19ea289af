"""Vega-Lite specifications without data, sizes and texts, built by Altair in the colours of one theme.

Altair takes half a second and 25 MiB to be imported, and a quarter of a second to build one of these. So there are two,
and `service/charts/drawing/templates.py` puts the other themes in.
"""

from collections.abc import Mapping
from typing import Any

import altair as alt
import msgspec

from service.charts.drawing.more_layers import cut_layers, note_layer, now_layers, running_layers
from service.charts.drawing.themes import DASHES, LARGE_TEXT, OUTLINE, THEMES, UNFINISHED, outlines, palette

THEME = THEMES["light"]


def build(*, split: bool) -> bytes:
    """A specification as JSON: for a single panel or, if `split`, with a panel for each value of the field `panel`."""
    if split:
        made = _panel()
        header = alt.Header(labelAnchor="start", labelOrient="top", labelExpr="")
        facet = made.properties(width=1, height=1).facet(
            facet=alt.Facet("panel:O", title=None, header=header), columns=1, data=alt.NamedData(name="bars")
        )
        made = facet.resolve_axis(x="independent").resolve_scale(y="independent")
    else:
        made = _panel("bars").properties(width=1, height=1, autosize=alt.AutoSizeParams(type="fit", contains="padding"))
    made = made.properties(title=alt.TitleParams("", subtitle="", anchor="start"))
    return msgspec.json.encode(made.configure_view(stroke=None).to_dict())


def _panel(data: str | None = None) -> alt.LayerChart:
    """Bars, texts over them, a line at zero, and what only some pictures have. Without `data`, a panel takes its data
    from the facet that it is in."""
    colours = palette(THEME)
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
                axis=alt.Axis(labelExpr="", domain=False, ticks=False, labelLimit=0),
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
            stroke={**_of_kind(outlines(THEME)), "value": None},
            strokeDash=_of_kind(dict.fromkeys(UNFINISHED, DASHES)),
            description="label:N",
            tooltip="label:N",
        )
    )
    own_data = data is not None
    layered: alt.LayerChart = bars + _texts(own_data=own_data) + _zero()
    layered += running_layers(THEME, "totals" if own_data else None)
    layered += cut_layers(THEME, "cuts" if own_data else None)
    layered += note_layer(THEME, "notes" if own_data else None)
    layered += now_layers(THEME, "now" if own_data else None)
    return layered


def _of_kind(values: Mapping[str, object]) -> Any:
    """An encoding that gives some kinds of bars a value of their own. The drawing library makes the squares of the
    legend by the same encoding; the kind of a square is its `value`."""
    return {
        "condition": [
            {"test": f"(datum.kind || datum.value) === '{kind}'", "value": value} for kind, value in values.items()
        ]
    }


def _texts(*, own_data: bool) -> alt.Chart:
    """Texts in the middle of the plot, one for each row that has a `top`; the value axis reaches at least to that."""
    chart = alt.Chart(alt.NamedData(name="texts")) if own_data else alt.Chart().transform_filter("isValid(datum.top)")
    made: alt.Chart = chart.mark_text(fontSize=LARGE_TEXT, color=THEME.muted, dy=alt.expr("height / 2")).encode(
        text="text:N", x=alt.value(alt.expr("width / 2")), y=alt.Y("top:Q", title=None)
    )
    return made


def _zero() -> alt.Chart:
    """A line on which bars stand and from which bars below zero hang."""
    made: alt.Chart = alt.Chart(alt.NamedData(name="zero")).mark_rule(color=THEME.ink).encode(y=alt.datum(0))
    return made
