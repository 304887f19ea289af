"""A picture as a Vega-Lite specification.

The x axis is time itself: each bar knows the instants it begins and ends at, and only the labels are written in the
chart's zone. So a gap stays a gap, and an hour that the clock repeats is drawn twice as long, not on top of itself.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from service.charts.drawing.bars import bars, is_dense
from service.charts.drawing.lettering import clean, width_of, wrapped
from service.charts.drawing.picture import AXIS_ROOM, Picture
from service.charts.drawing.template import DASHES, LARGE_NOTE, NOTE, template
from service.charts.drawing.time_axis import LEFT, labels, milliseconds
from service.charts.drawing.value_axis import Heights, fitting, usual
from service.charts.drawing.wording import missing, panel_name, short, subtitle, summary
from service.period.bucket import Panel

Spec = dict[str, Any]
"""A Vega-Lite specification."""

NOTES, ZERO = 1, 2
"""Where the template has these layers; the bars are the first."""
SPARSE = "datum.index % 0.5 > 0.01"
"""Numbers that low panels do without, all but those at the ends and in the middle: texts are half the work."""
LOW = 200
PARTS = 4
"""Into how many the lines cut the height of one of several panels, about."""
ROW_ROOM = 57
"""Pixels that name, axis and gap above and below a panel take, about."""


def spec(picture: Picture) -> Spec:
    """The specification of a picture, its data inside."""
    split = picture.split and bool(picture.panels)
    made: Spec = msgspec.json.decode(template(picture.theme, compact=picture.is_compact, split=split))
    heights = None if split else fitting(_values(picture.panels), _parts(picture))
    spans = [heights.span] if heights else [usual(_values([panel]), PARTS) for panel in picture.panels]
    shown = list(bars(picture, _panel_width(picture), _panel_height(picture), spans[: len(picture.panels)]))
    notes = list(_notes(picture))
    made["datasets"] = {"bars": shown + notes} if split else {"bars": shown, "notes": notes}
    made["description"] = f"{clean(picture.title)}. {clean(summary(picture))}"
    _write_title(made, picture)
    if split:
        _lay_out(made, picture)
    else:
        made["width"], made["height"] = picture.width, picture.height
    layers = (made["spec"] if split else made)["layer"]
    if any(bar["value"] < 0 for bar in shown):
        made["datasets"]["zero"] = [{}]
    else:
        del layers[ZERO]
    if not notes:  # each layer costs time
        del layers[NOTES]
    encoding = layers[0]["encoding"]
    _write_x(encoding, picture)
    _write_y(encoding["y"], picture, heights)
    if unread := {str(note["panel"]): True for note in notes if note["text"]}:
        _hide_numbers(encoding["y"], unread, picture)
    if is_dense(picture, _panel_width(picture)):
        encoding["y2"] = {"field": "base"}
    legend = encoding["fill"]["legend"]
    kinds = {bar["kind"] for bar in shown}
    encoding["fill"]["legend"] = _legend(legend, picture, kinds, _room(made, picture)) if shown else None
    return made


def _notes(picture: Picture) -> Iterator[dict[str, object]]:
    """What is said where a panel has no bars; and a top for the axis of one that has none of any height."""
    size = NOTE if picture.split or picture.is_compact else LARGE_NOTE
    for number, panel in enumerate(picture.panels or [Panel(None, None, ())]):
        values = [value for bucket in panel.buckets for value in (bucket.plan, bucket.fact) if value is not None]
        text = "" if values else wrapped(missing(panel), _panel_width(picture), size, 3)
        if not any(values):
            yield {"text": text, "top": 1, "panel": number}


def _write_title(made: Spec, picture: Picture) -> None:
    sizes = made["config"]["title"]
    sizes["limit"] = width = _room(made, picture)
    made["title"]["text"] = wrapped(picture.title, width, sizes["fontSize"], 2)
    made["title"]["subtitle"] = wrapped(subtitle(picture), width, sizes["subtitleFontSize"], 3)


def _write_x(encoding: Spec, picture: Picture) -> None:
    start, end = (milliseconds(moment) for moment in (picture.period.start, picture.period.end))
    size = 10 if picture.is_compact else 11
    width, time_format = _panel_width(picture), clean(picture.time_format)
    texts = labels(picture.period, width, time_format, size, short=picture.short_labels)
    encoding["x"]["scale"]["domain"] = [start, end]
    encoding["x"]["axis"]["values"] = list(texts)
    encoding["x"]["axis"]["labelExpr"] = _chosen({str(at): _lines(text) for at, text in texts.items()}, "datum.value")


def _write_y(y: Spec, picture: Picture, heights: Heights | None) -> None:
    """It ends with a line and a number that no bar is beyond."""
    if heights:
        y["scale"].update(domain=[heights.low, heights.high], nice=False)
        y["axis"]["values"] = heights.lines
        return
    y["scale"]["nice"] = y["axis"]["tickCount"] = PARTS
    y["axis"]["minExtent"] = LEFT  # equally wide axes: else names and columns don't stand in line
    if _panel_height(picture) < LOW:
        y["axis"]["labelExpr"] = f"{SPARSE} ? ' ' : {y['axis']['labelExpr']}"


def _hide_numbers(y: Spec, unread: dict[str, bool], picture: Picture) -> None:
    """Those of the axes that measure nothing; a space keeps the place."""
    if picture.split and picture.panels:
        y["axis"]["labelExpr"] = f"{_chosen(unread, 'parent.panel')} ? ' ' : {y['axis']['labelExpr']}"
    else:
        y["axis"] = None


def _legend(legend: Spec, picture: Picture, kinds: set[str], room: int) -> Spec:
    """Only what there is to see; but for what may come to a picture that moves."""
    names = {"plan": "plan", "fact": "fact"}
    if picture.threshold is not None:
        names["below"] = f"below plan by over {short(picture.threshold)}" if picture.threshold else "fact below plan"
    if "missed" in kinds:
        names["missed"] = "no fact, or hardly any"
    if kinds & {"plan~", "fact~"}:
        names["fact~"] = "not over yet"
    legend["values"] = list(names)
    legend["labelExpr"] = _chosen(names, "datum.label")
    legend["labelLimit"] = room - 34
    if "missed" not in kinds:
        legend["symbolDash"] = DASHES
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


def _parts(picture: Picture) -> int:
    """Into how many parts the lines may cut the height."""
    return max(3, min(7, _panel_height(picture) // 40))


def _values(panels: Iterable[Panel]) -> Iterator[float]:
    return (
        value
        for panel in panels
        for bucket in panel.buckets
        for value in (bucket.plan, bucket.fact)
        if value is not None
    )


def _lines(text: str) -> str | list[str]:
    return text.split("\n") if "\n" in text else text


def _chosen(texts: Mapping[str, str | bool | list[str]], key: str) -> str:
    """A Vega expression: the text of a key."""
    return f"({msgspec.json.encode(texts).decode()})[{key}]"
