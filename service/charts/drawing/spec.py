"""A picture as a Vega-Lite specification.

The time axis is linear in time, but for where steps are left out: each bar has the places at which it begins and ends,
and only the labels are written by the clock of the chart's zone. So a gap stays a gap, and where the clock repeats an
hour, the two stand side by side.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from service.charts.drawing.axis_numbers import axis_number
from service.charts.drawing.bars import bars, is_dense
from service.charts.drawing.lettering import clean, is_measured, width_of, wrapped
from service.charts.drawing.note_marks import ROOM, note_marks
from service.charts.drawing.picture import AXIS_ROOM, Picture
from service.charts.drawing.templates import CUTS, NOTES, NOW, TEXTS, TOTALS, ZERO, template
from service.charts.drawing.themes import DASHES, LARGE_TEXT, TEXT
from service.charts.drawing.time_axis import LEFT_ROOM, labels
from service.charts.drawing.time_line import TimeLine, time_line
from service.charts.drawing.totals import gaps, reach_of_totals, total_rows
from service.charts.drawing.value_axis import ValueAxis, fitted_axis, library_span
from service.charts.drawing.wording import below, empty_panel_text, panel_name, subtitle, summary
from service.languages.directions import isolated
from service.languages.language import language_named
from service.period.bucket import Panel

Spec = dict[str, Any]
"""A Vega-Lite specification."""

LOW_PANEL = 200
"""Pixels of height below which a panel has few numbers on its value axis: texts are half the work of drawing."""
LEFT_OUT = "datum.index % 0.5 > 0.01"
"""True of the numbers that a low panel does without: all but those at the ends and in the middle."""
PANEL_PARTS = 4
"""About the number of parts into which lines cut the height of one of several panels."""
ROW_ROOM = 57
"""About the pixels that the name, the axis and the gap take above and below a panel."""


def spec(picture: Picture) -> Spec:
    """The specification of a picture, with its data."""
    split = picture.split and bool(picture.panels)
    made: Spec = msgspec.json.decode(template(picture.theme, compact=picture.is_compact, split=split))
    line = time_line(picture.period, _panel_width(picture))
    notes = list(note_marks(picture, line, _panel_width(picture)))
    axis = None if split else fitted_axis(_values(picture.panels), _parts(picture))
    spans = [axis.span] if axis else [library_span(_values([panel]), PANEL_PARTS) for panel in picture.panels]
    drawn = list(bars(picture, _panel_width(picture), _panel_height(picture), spans[: len(picture.panels)]))
    if picture.running:
        drawn = [*gaps(picture, line), *({"base": 0, **bar} for bar in drawn)]
    texts = list(_texts(picture))
    totals, now = list(total_rows(picture, line)), list(_now(picture, line))
    cuts = [{"cut": at, "panel": number} for number in range(len(picture.panels) or 1) for at in line.cuts]
    if split:
        made["datasets"] = {"bars": [*drawn, *texts, *totals, *now, *cuts, *notes]}
    else:
        made["datasets"] = {"bars": drawn, "texts": texts, "totals": totals, "now": now, "cuts": cuts, "notes": notes}
    if notes:
        _make_room(made, (made["spec"] if split else made)["layer"])
    made["description"] = f"{clean(picture.title)}. {clean(summary(picture))}"
    if (vega := language_named(picture.language).vega) is not None:
        made["config"]["locale"] = {"number": vega}
    _write_title(made, picture)
    if split:
        _lay_out(made, picture)
    else:
        made["width"], made["height"] = picture.width, picture.height
    layers = (made["spec"] if split else made)["layer"]
    hangs = any(bar["value"] < 0 for bar in drawn)
    made["datasets"]["zero"] = [{}] * hangs
    needed = {NOW: now, NOTES: notes, CUTS: cuts, TOTALS: totals, ZERO: hangs, TEXTS: texts}
    for place in sorted(needed, reverse=True):
        if not needed[place]:  # each layer takes time to draw
            del layers[place]
    encoding = layers[0]["encoding"]
    _write_x(encoding, picture)
    _write_y(encoding["y"], picture, axis)
    if unread := {str(one["panel"]): True for one in texts if one["text"]}:
        _hide_numbers(encoding["y"], unread, picture)
    if picture.running or is_dense(picture, _panel_width(picture)):
        encoding["y2"] = {"field": "base"}
    legend = encoding["fill"]["legend"]
    kinds = {bar["kind"] for bar in drawn}
    encoding["fill"]["legend"] = _legend(legend, picture, kinds, _room(made, picture)) if drawn else None
    return made


def _texts(picture: Picture) -> Iterator[dict[str, object]]:
    """The texts in panels without bars. A panel without a bar of any height also gets a top for its axis."""
    size = TEXT if picture.split or picture.is_compact else LARGE_TEXT
    for number, panel in enumerate(picture.panels or [Panel(None, None, ())]):
        values = [value for bucket in panel.buckets for value in (bucket.plan, bucket.fact) if value is not None]
        text = "" if values else wrapped(empty_panel_text(picture, panel), _panel_width(picture), size, 3)
        if not any(values):
            yield {"text": text, "top": 1, "panel": number}


def _make_room(made: Spec, layers: list[Spec]) -> None:
    """Leave room for notes between the plot and what is above it."""
    layers[0]["encoding"]["fill"]["legend"]["offset"] += ROOM
    made["config"]["header"]["labelPadding"] += ROOM


def _now(picture: Picture, line: TimeLine) -> Iterator[dict[str, object]]:
    if picture.now is not None:
        word = language_named(picture.language).gettext("now")
        for number in range(len(picture.panels) or 1):
            yield {"now": line.at(picture.now), "word": word, "panel": number}


def _write_title(made: Spec, picture: Picture) -> None:
    sizes, width = made["config"]["title"], _room(made, picture)
    made["title"]["text"] = wrapped(picture.title, width, sizes["fontSize"], 2)
    made["title"]["subtitle"] = wrapped(subtitle(picture), width, sizes["subtitleFontSize"], 3)
    lines = [*made["title"]["text"], *made["title"]["subtitle"]]
    if not all(map(is_measured, lines)):  # the drawing library measures a text that has a limit once more
        sizes["limit"] = width


def _write_x(encoding: Spec, picture: Picture) -> None:
    size = 10 if picture.is_compact else 11
    width, time_format = _panel_width(picture), clean(picture.time_format)
    times = language_named(picture.language).times
    texts = labels(picture.period, width, time_format, size, times, short=picture.short_labels)
    line = time_line(picture.period, width)
    encoding["x"]["scale"]["domain"] = [line.start, line.end]
    encoding["x"]["axis"]["values"] = list(texts)
    encoding["x"]["axis"]["labelExpr"] = _chosen({str(at): _lines(text) for at, text in texts.items()}, "datum.value")


def _write_y(y: Spec, picture: Picture, axis: ValueAxis | None) -> None:
    """The value axis ends with a line and its number, beyond which no bar reaches."""
    y["axis"]["labelExpr"] = axis_number(language_named(picture.language))
    if axis:
        y["scale"].update(domain=[axis.low, axis.high], nice=False)
        y["axis"]["values"] = axis.lines
        return
    y["scale"]["nice"] = y["axis"]["tickCount"] = PANEL_PARTS
    y["axis"]["minExtent"] = LEFT_ROOM  # axes of equal width, so that the panels of a column are aligned
    if _panel_height(picture) < LOW_PANEL:
        y["axis"]["labelExpr"] = f"{LEFT_OUT} ? ' ' : {y['axis']['labelExpr']}"


def _hide_numbers(y: Spec, unread: dict[str, bool], picture: Picture) -> None:
    """Hide the numbers of axes that measure nothing; of several panels, a space keeps the room for them."""
    if picture.split and picture.panels:
        y["axis"]["labelExpr"] = f"{_chosen(unread, 'parent.panel')} ? ' ' : {y['axis']['labelExpr']}"
    else:
        y["axis"] = None


def _legend(legend: Spec, picture: Picture, kinds: set[str], room: int) -> Spec:
    """The kinds of bars that there are, and those that may come while a live page shows the picture."""
    names, language = dict(zip(("plan", "fact"), picture.labels, strict=True)), language_named(picture.language)
    if picture.threshold is not None:
        names["below"] = below(picture.threshold, picture.labels, language)
    if "missed" in kinds:
        names["missed"] = language.gettext("no %(fact)s, or hardly any", fact=isolated(picture.labels[1]))
    if kinds & {"plan~", "fact~"}:
        names["fact~"] = language.gettext("not over yet")
    legend["values"] = list(names)
    legend["labelExpr"] = _chosen(names, "datum.label")
    if "missed" not in kinds:
        legend["symbolDash"] = DASHES
    widths = [width_of(name, 12) + 34 for name in names.values()]
    legend["labelLimit"] = room - 34 if max(widths) > room else 0
    if sum(widths) > room:
        legend["columns"] = 2
    return legend


def _lay_out(made: Spec, picture: Picture) -> None:
    """Set the panels side by side, each with the name of its series above it."""
    made["columns"] = picture.columns
    made["spacing"] = 14
    width, height = _panel_width(picture), _panel_height(picture)
    made["spec"].update(width=width, height=height)
    texts = made["spec"]["layer"][TEXTS]
    texts["encoding"]["x"] = {"value": width / 2}
    texts["mark"].update(dy=height / 2, fontSize=TEXT)
    size = made["config"]["header"]["labelFontSize"]
    language = language_named(picture.language)
    names = {  # a name that is nothing but spaces leaves no line
        str(number): "".join(wrapped(panel_name(panel, language), width, size, 1))
        for number, panel in enumerate(picture.panels)
    }
    made["facet"]["header"].update(labelExpr=_chosen(names, "datum.value"), labelLimit=width)


def _room(made: Spec, picture: Picture) -> int:
    """The pixels of width between the paddings."""
    return picture.width - 2 * int(made["config"]["padding"])


def _panel_width(picture: Picture) -> int:
    """About the pixels of the plotting area of a panel."""
    return max(40, (picture.width + 10) // picture.columns - AXIS_ROOM)


def _panel_height(picture: Picture) -> int:
    panels = len(picture.panels) if picture.split else 1
    rows = max(1, -(-panels // picture.columns))
    return max(30, (picture.height - (60 if picture.is_compact else 80)) // rows - ROW_ROOM)


def _parts(picture: Picture) -> int:
    """The number of parts into which lines may cut the height of a single panel."""
    return max(3, min(7, _panel_height(picture) // 40))


def _values(panels: Iterable[Panel]) -> Iterator[float]:
    for panel in panels:
        for bucket in panel.buckets:
            yield from (value for value in (bucket.plan, bucket.fact) if value is not None)
        yield from reach_of_totals(panel)


def _lines(text: str) -> str | list[str]:
    return text.split("\n") if "\n" in text else text


def _chosen(texts: Mapping[str, str | bool | list[str]], key: str) -> str:
    """A Vega expression that gives the text of a key."""
    return f"({msgspec.json.encode(texts).decode()})[{key}]"
