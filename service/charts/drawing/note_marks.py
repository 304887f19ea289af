"""Notes in a picture: a small mark above the plot for each, or for several that are too close to be told apart. They
hide no bar, and say the notes under the pointer."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from service.charts.drawing.lettering import clean
from service.charts.drawing.picture import Picture
from service.charts.drawing.time_line import TimeLine
from service.languages.directions import isolated
from service.languages.language import language_named
from service.period.bucket import Note, Panel

MARK, ROOM = 8, 7
"""Pixels of the width of a mark, and of the height that there has to be for them above the plot."""
MOST_SAID = 5
"""The most notes that one mark says."""


def note_marks(picture: Picture, line: TimeLine, width: float) -> Iterator[dict[str, Any]]:
    """The marks of every panel, which is about so many pixels wide. No two of them overlap."""
    apart = MARK * (line.end - line.start) / width
    for number, panel in enumerate(picture.panels):
        places = ((line.at(_middle_of_minute(note)), note) for note in notes_of(picture, panel))
        for place, notes in _together(places, apart):
            yield {"noted": place, "label": _said(picture, notes), "panel": number}


def notes_of(picture: Picture, panel: Panel) -> list[Note]:
    """The notes that belong into a panel: of its series, or of all those that have no panel of their own."""
    if not picture.split:
        return list(picture.numbers.notes)
    if panel.name is not None:
        return [note for note in picture.numbers.notes if note.series == panel.name]
    named = {one.name for one in picture.panels}
    return [note for note in picture.numbers.notes if note.series not in named]


def _together(places: Iterator[tuple[int, Note]], apart: float) -> Iterator[tuple[int, list[Note]]]:
    """The notes that one mark is for, and its place, which is that of the first of them."""
    at, some = 0, list[Note]()
    for place, note in places:
        if some and place - at >= apart:
            yield at, some
            some = []
        at = at if some else place
        some.append(note)
    if some:
        yield at, some


def _middle_of_minute(note: Note) -> datetime:
    return note.ts.replace(second=30, microsecond=0)


def _said(picture: Picture, notes: Sequence[Note]) -> str:
    zone, language = ZoneInfo(picture.period.zone), language_named(picture.language)
    said = [
        f"{language.times.strftime(note.ts.astimezone(zone), picture.time_format)}, "
        f"{isolated(note.series)}: {isolated(note.note)}"
        for note in notes
    ]
    more = [language.gettext("and %(number)s more", number=len(said) - MOST_SAID)] if len(said) > MOST_SAID else []
    return clean("; ".join([*said[:MOST_SAID], *more]))
