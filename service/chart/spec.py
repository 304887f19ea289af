"""A picture as a Vega-Lite specification.

The x axis is time itself: each bar knows the instants it begins and ends at, and only the labels are written in the
chart's zone. So a gap stays a gap, and an hour that the clock repeats is drawn twice as long, not on top of itself.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from service.buckets import Bucket, Panel
from service.chart.axis import LEFT, labels, milliseconds
from service.chart.lettering import clean, width_of, wrapped
from service.chart.picture import Picture
from service.chart.template import LARGE_NOTE, NOTE, template
from service.chart.wording import missing, panel_name, short, subtitle, summary

Spec = dict[str, Any]
"""A Vega-Lite specification."""

MARGIN = 0.1
"""Share of a step's width left free on either side of its two bars."""
MIN_MARGIN = 0.5
"""Pixels; where the margin would be narrower, the bars touch."""
NOTES, ZERO = 1, 2
"""Where the template has these layers; the bars are the first."""
SPARSE = "datum.index % 0.5 > 0.01"
"""Numbers that low panels do without, all but those at the ends and in the middle: texts are half the work."""
LOW = 200
AXIS_ROOM, ROW_ROOM = 58, 57
"""Pixels that the axis beside a panel takes, and those that name, axis and gap above and below it take, about."""


def spec(picture: Picture) -> Spec:
    """The specification of a picture, its data inside."""
    split = picture.split and bool(picture.panels)
    made: Spec = msgspec.json.decode(template(picture.theme, compact=picture.is_compact, split=split))
    bars, notes = list(_bars(picture)), list(_notes(picture))
    made["datasets"] = {"bars": bars + notes} if split else {"bars": bars, "notes": notes}
    made["description"] = f"{clean(picture.title)}. {clean(summary(picture))}"
    _write_title(made, picture)
    if split:
        _lay_out(made, picture)
    else:
        made["width"], made["height"] = picture.width, picture.height
    layers = (made["spec"] if split else made)["layer"]
    if any(bar["value"] < 0 for bar in bars):
        made["datasets"]["zero"] = [{}]
    else:
        del layers[ZERO]
    if not notes:  # each layer costs time
        del layers[NOTES]
    _write_axes(layers[0]["encoding"], picture, notes)
    color = layers[0]["encoding"]["color"]
    color["legend"] = _legend(color["legend"], picture, _room(made, picture)) if bars else None
    return made


def _bars(picture: Picture) -> Iterator[dict[str, Any]]:
    """Two bars a step, plan left of fact; one that has no value is left out."""
    zone, edges = ZoneInfo(picture.period.zone), picture.period.edges
    share = _margin(picture)
    for number, panel in enumerate(picture.panels):
        for bucket in panel.buckets:
            left, right = (milliseconds(edge) for edge in _around(edges, bucket))
            margin, middle = share * (right - left), (left + right) / 2
            when = bucket.bucket.astimezone(zone).strftime(picture.time_format)
            for name, value, ends in (
                ("plan", bucket.plan, (left + margin, middle)),
                ("fact", bucket.fact, (middle, right - margin)),
            ):
                if value is not None:
                    bar = {"from": ends[0], "to": ends[1], "kind": _kind(name, bucket, picture), "value": value}
                    yield {**bar, "label": f"{when}, {name} {value:.15g}", "panel": number}


def _notes(picture: Picture) -> Iterator[dict[str, object]]:
    """What is said where a panel has no bars; and a top for the axis of one that has none of any height."""
    size = NOTE if picture.split or picture.is_compact else LARGE_NOTE
    for number, panel in enumerate(picture.panels or [Panel(None, None, ())]):
        values = [value for bucket in panel.buckets for value in (bucket.plan, bucket.fact) if value is not None]
        text = "" if values else wrapped(missing(panel), _panel_width(picture), size, 3)
        if not any(values):
            yield {"text": text, "top": 1, "panel": number}


def _around(edges: tuple[Any, ...], bucket: Bucket) -> tuple[Any, Any]:
    after = bisect_right(edges, bucket.bucket)
    return bucket.bucket, edges[after]


def _margin(picture: Picture) -> float:
    pitch = _panel_width(picture) / (len(picture.period.edges) - 1)
    return MARGIN if MARGIN * pitch >= MIN_MARGIN else 0


def _kind(name: str, bucket: Bucket, picture: Picture) -> str:
    if bucket.bucket == picture.unfinished:
        return f"{name}~"
    if name == "fact" and _is_below(bucket, picture.threshold):
        return "below"
    return name


def _is_below(bucket: Bucket, threshold: float | None) -> bool:
    known = threshold is not None and bucket.plan is not None and bucket.fact is not None
    return known and bucket.plan - bucket.fact > threshold  # type: ignore[operator]


def _write_title(made: Spec, picture: Picture) -> None:
    sizes = made["config"]["title"]
    sizes["limit"] = width = _room(made, picture)
    made["title"]["text"] = wrapped(picture.title, width, sizes["fontSize"], 2)
    made["title"]["subtitle"] = wrapped(subtitle(picture), width, sizes["subtitleFontSize"], 3)


def _write_axes(encoding: Spec, picture: Picture, notes: list[dict[str, object]]) -> None:
    start, end = (milliseconds(moment) for moment in (picture.period.start, picture.period.end))
    size = 10 if picture.is_compact else 11
    texts = labels(picture.period, _panel_width(picture), clean(picture.time_format), size)
    encoding["x"]["scale"]["domain"] = [start, end]
    encoding["x"]["axis"]["values"] = list(texts)
    encoding["x"]["axis"]["labelExpr"] = _chosen({str(at): text for at, text in texts.items()}, "datum.value")
    encoding["y"]["axis"]["tickCount"] = max(3, min(7, _panel_height(picture) // 40))
    if picture.split:  # axes that end with a number and are equally wide: else names and columns don't stand in line
        encoding["y"]["axis"].update(tickCount=4, minExtent=LEFT)
        encoding["y"]["scale"]["nice"] = 4
        if _panel_height(picture) < LOW:
            encoding["y"]["axis"]["labelExpr"] = f"{SPARSE} ? ' ' : {encoding['y']['axis']['labelExpr']}"
    if unread := {str(note["panel"]): True for note in notes if note["text"]}:
        _hide_numbers(encoding["y"], unread, picture)


def _hide_numbers(y: Spec, unread: dict[str, bool], picture: Picture) -> None:
    """Those of the axes that measure nothing; a space keeps the place."""
    if picture.split and picture.panels:
        y["axis"]["labelExpr"] = f"{_chosen(unread, 'parent.panel')} ? ' ' : {y['axis']['labelExpr']}"
    else:
        y["axis"] = None


def _legend(legend: Spec, picture: Picture, room: int) -> Spec:
    """Only what there is to see."""
    names = {"plan": "plan", "fact": "fact"}
    if picture.threshold is not None:
        names["below"] = f"below plan by over {short(picture.threshold)}" if picture.threshold else "fact below plan"
    shown = {bucket.bucket for panel in picture.panels for bucket in panel.buckets}
    if picture.unfinished in shown:
        names["fact~"] = "not over yet"
    legend["values"] = list(names)
    legend["labelExpr"] = _chosen(names, "datum.label")
    legend["labelLimit"] = room - 34
    if sum(width_of(name, 12) + 34 for name in names.values()) > room:
        legend["columns"] = 2
    return legend


def _lay_out(made: Spec, picture: Picture) -> None:
    """Panels side by side, each with the name of its series."""
    made["columns"] = picture.columns
    made["spacing"] = 14
    width, height = _panel_width(picture), _panel_height(picture)
    made["spec"].update(width=width, height=height)
    notes = made["spec"]["layer"][NOTES]
    notes["encoding"]["x"] = {"value": width / 2}
    notes["mark"].update(dy=height / 2, fontSize=NOTE)
    size = made["config"]["header"]["labelFontSize"]
    names = {  # of a name of spaces no line is left
        str(number): "".join(wrapped(panel_name(panel), width, size, 1)) for number, panel in enumerate(picture.panels)
    }
    made["facet"]["header"].update(labelExpr=_chosen(names, "datum.value"), labelLimit=width)


def _room(made: Spec, picture: Picture) -> int:
    """Pixels between the paddings."""
    return picture.width - 2 * int(made["config"]["padding"])


def _panel_width(picture: Picture) -> int:
    """Of the plotting area, about."""
    return max(40, (picture.width + 10) // picture.columns - AXIS_ROOM)


def _panel_height(picture: Picture) -> int:
    panels = len(picture.panels) if picture.split else 1
    rows = max(1, -(-panels // picture.columns))
    return max(30, (picture.height - (60 if picture.is_compact else 80)) // rows - ROW_ROOM)


def _chosen(texts: Mapping[str, str | bool], key: str) -> str:
    """A Vega expression: the text of a key."""
    return f"({msgspec.json.encode(texts).decode()})[{key}]"
