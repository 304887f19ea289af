"""Charts: buckets -> Vega-Lite -> bytes. Pure: no web, no database, so that a worker process can run it.

The x axis is time itself: each bar knows the instants it begins and ends at, and only the labels are written in the
chart's zone. So a gap stays a gap, and an hour that the clock repeats is drawn twice as long, not on top of itself.
"""

import io
from datetime import datetime
from functools import cache
from typing import Any, Literal
from zoneinfo import ZoneInfo

import altair as alt
import msgspec
import vl_convert
from PIL import Image

from service.buckets import Bucket
from service.period import Period

Format = Literal["png", "svg"]
Spec = dict[str, Any]
"""A Vega-Lite specification."""

PLAN, FACT = "#a9b4c4", "#1f5fa8"
INK, FAINT = "#27303f", "#e3e7ed"
FONT = "Liberation Sans, sans-serif"
_ZERO = "datum.value === 0 ? '0' : datum.label"
MARGIN = 0.1
"""Share of a bucket's width left free on either side of its two bars."""
LABEL_PIXELS = 38
"""Room that a slanted label needs along the axis."""
LABEL_STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 7200, 10080, 20160, 43200, 86400)
"""Minutes between two labels."""

_STEP_NAMES = {
    "1m": "minute",
    "5m": "5 minutes",
    "15m": "15 minutes",
    "1h": "hour",
    "6h": "6 hours",
    "1d": "day",
}


class Picture(msgspec.Struct, frozen=True):
    """Everything a chart shows; two equal pictures are drawn alike."""

    buckets: tuple[Bucket, ...]
    period: Period
    title: str
    time_format: str
    width: int
    height: int


def draw(picture: Picture, form: Format) -> bytes:
    """The picture as PNG or SVG. CPU-bound, a few hundredths to tenths of a second."""
    svg = vl_convert.vegalite_to_svg(spec(picture), allowed_base_urls=[])
    if form == "svg":
        return svg.encode()
    return shrink(vl_convert.svg_to_png(svg))


def shrink(png: bytes) -> bytes:
    """The same picture, small: the renderer leaves PNGs nearly uncompressed, and a chart has few colours."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").quantize(128).save(out, "png", optimize=True)
    return out.getvalue()


def spec(picture: Picture) -> Spec:
    """The Vega-Lite specification of a picture, its data inside."""
    start, end = _ms(picture.period.start), _ms(picture.period.end)
    labels = _labels(picture)
    values = _bars(picture)
    made: Spec = msgspec.json.decode(_template())
    made["width"], made["height"] = picture.width, picture.height
    made["title"]["text"], made["title"]["subtitle"] = picture.title, _subtitle(picture.period)
    made["description"] = f"{picture.title}. {_subtitle(picture.period)}."
    made["datasets"] = {"bars": values, "empty": [] if values else [{"text": "No readings in this period"}]}
    x = made["layer"][0]["encoding"]["x"]
    x["scale"]["domain"] = [start, end]
    x["axis"]["values"] = list(labels)
    x["axis"]["labelExpr"] = (
        f"({msgspec.json.encode({str(at): text for at, text in labels.items()}).decode()})[datum.value]"
    )
    if not values:
        made["layer"][0]["encoding"]["y"]["axis"] = None
    return made


@cache
def _template() -> bytes:
    """The specification without data, sizes and texts, as JSON: built by Altair once a process."""
    bars = (
        alt.Chart(alt.NamedData(name="bars"))
        .mark_bar(binSpacing=0)
        .encode(
            x=alt.X(
                "from:Q",
                bin="binned",
                title=None,
                scale=alt.Scale(domain=[0, 1], nice=False, zero=False),
                axis=alt.Axis(
                    values=[0],
                    labelExpr="",
                    labelAngle=-45,
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
                axis=alt.Axis(tickCount=6, format="~s", labelExpr=_ZERO, domain=False, ticks=False),
            ),
            color=alt.Color(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=["plan", "fact"], range=[PLAN, FACT]),
                legend=alt.Legend(orient="top", direction="horizontal", offset=4, symbolType="square"),
            ),
            description="label:N",
        )
    )
    empty = (
        alt.Chart(alt.NamedData(name="empty"))
        .mark_text(fontSize=18, color="#6b7686")
        .encode(text="text:N", x=alt.value(alt.expr("width / 2")), y=alt.value(alt.expr("height / 2")))
    )
    chart = (
        (bars + empty)
        .properties(
            title=alt.TitleParams("", subtitle="", anchor="start"),
            autosize=alt.AutoSizeParams(type="fit", contains="padding"),
        )
        .configure(
            background="white",
            font=FONT,
            padding=16,
            view=alt.ViewConfig(stroke=None),
            axis=alt.AxisConfig(
                labelColor=INK, labelFontSize=11, gridColor=FAINT, domainColor="#9aa4b2", tickColor="#9aa4b2"
            ),
            legend=alt.LegendConfig(labelColor=INK, labelFontSize=12),
            title=alt.TitleConfig(color=INK, fontSize=17, subtitleColor="#5b6675", subtitleFontSize=12, offset=6),
        )
    )
    return msgspec.json.encode(chart.to_dict())


def _bars(picture: Picture) -> list[dict[str, object]]:
    """Two bars a bucket, plan left of fact; one that has no value is left out."""
    zone = ZoneInfo(picture.period.zone)
    made: list[dict[str, object]] = []
    for bucket in picture.buckets:
        left, right = _ms(bucket.bucket), _ms(picture.period.end_of(bucket.bucket))
        margin = MARGIN * (right - left)
        middle = (left + right) / 2
        when = bucket.bucket.astimezone(zone).strftime(picture.time_format)
        for kind, value, edges in (
            ("plan", bucket.plan, (left + margin, middle)),
            ("fact", bucket.fact, (middle, right - margin)),
        ):
            if value is not None:
                label = f"{when}, {kind} {value:.15g}"
                made.append({"from": edges[0], "to": edges[1], "kind": kind, "value": value, "label": label})
    return made


def _subtitle(period: Period) -> str:
    zone = ZoneInfo(period.zone)
    first, last = period.start.astimezone(zone), period.end.astimezone(zone)
    till = f"{last:%H:%M}" if first.date() == last.date() else f"{last:%Y-%m-%d %H:%M}"
    return f"{first:%Y-%m-%d %H:%M} to {till}, {period.zone} ({_offset(last)}), per {_STEP_NAMES[period.step]}"


def _offset(moment: datetime) -> str:
    text = f"{moment:%z}"
    return f"UTC{text[:3]}:{text[3:5]}"


def _labels(picture: Picture) -> dict[int, str]:
    """Where labels stand, in epoch milliseconds, and what they say: the start of a bucket, below its middle."""
    period, zone = picture.period, ZoneInfo(picture.period.zone)
    minutes = (period.end - period.start).total_seconds() / 60
    room = max(2, picture.width // LABEL_PIXELS)
    every = next((step for step in LABEL_STEPS if minutes / step <= room and step >= period.seconds // 60), 86400)
    labels = {}
    moment = period.start
    while moment < period.end:
        after = period.end_of(moment)
        local = moment.astimezone(zone)
        if (local.toordinal() * 1440 + local.hour * 60 + local.minute) % every == 0:
            labels[(_ms(moment) + _ms(after)) // 2] = local.strftime(picture.time_format)
        moment = after
    return labels


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
