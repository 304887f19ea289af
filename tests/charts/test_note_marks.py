"""Notes in pictures: a mark for each, none of which hides a bar or another mark."""

import csv
import io
import json
import re
from datetime import timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.charts.drawing.chart_page import chart_page
from service.charts.drawing.draw import draw
from service.charts.drawing.note_marks import MARK, MOST_SAID, note_marks
from service.charts.drawing.picture import Picture
from service.charts.drawing.tables import as_csv, as_json
from service.charts.drawing.time_line import time_line
from service.period.bucket import Note
from tests.pictures import boxes, picture, texts

MINUTES = st.lists(st.integers(0, 59), max_size=40)


def noted(shown: Picture, *notes: tuple[float, str, str]) -> Picture:
    """The picture with notes of minutes after its beginning."""
    made = (Note(shown.period.start + timedelta(minutes=at), series, note) for at, series, note in notes)
    numbers = msgspec.structs.replace(shown.numbers, notes=tuple(made))
    return msgspec.structs.replace(shown, numbers=numbers, notes=True)


def titles(shown: Picture) -> list[str]:
    return re.findall(r'roledescription="note"[^>]*><title>([^<]+)</title>', draw(shown, "svg").decode())


def marks(shown: Picture, width: float = 900) -> list[dict[str, Any]]:
    return list(note_marks(shown, time_line(shown.period, width), width))


def test_a_note_says_time_series_and_text() -> None:
    shown = noted(picture(time_format="%H:%M"), (10, "line 1", "film <torn>"), (30.5, "line 2", "no\nglue"))
    assert titles(shown) == ["11:10, line 1: film &lt;torn&gt;", "11:30, line 2: no glue"]
    assert "triangles: notes" in " ".join(texts(draw(shown, "svg")))
    assert "film \\u003ctorn>" in chart_page(shown, "").decode()


def test_no_mark_is_drawn_over_a_bar() -> None:
    """Marks stand above the plot, which bars don't leave."""
    svg = draw(noted(picture(), (10, "a", "x")), "svg").decode()
    [(high, path)] = re.findall(
        r'roledescription="note" transform="translate\([\d.]+,(-?[\d.]+)\)" d="M0,([\d.]+)', svg
    )
    assert float(high) + float(path) < 0
    assert boxes(svg.encode(), "plan")


@pytest.mark.parametrize("form", ["png", "pdf"])
def test_marks_are_in_every_picture(form: Any) -> None:
    assert draw(noted(picture(), (10, "a", "x")), form) != draw(picture(), form)


@given(MINUTES, st.integers(150, 1900))
def test_no_two_marks_overlap_and_no_note_is_lost(minutes: list[int], width: int) -> None:
    shown = noted(picture(), *((at, "a", str(number)) for number, at in enumerate(sorted(minutes))))
    found = marks(shown, width)
    apart = [(after["noted"] - before["noted"]) / 3_600_000 * width for before, after in pairwise(found)]
    assert all(gap >= MARK for gap in apart)
    said = sum(one["label"].count(", a: ") for one in found)
    more = sum(int(number) for one in found for number in re.findall(r"and (\d+) more", one["label"]))
    assert said + more == len(minutes)
    assert all(one["label"].count(", a: ") <= MOST_SAID for one in found)


def test_each_panel_has_the_notes_of_its_series() -> None:
    shown = noted(picture(names=("a", "b", None)), (10, "a", "1"), (10, "b", "2"), (11, "c", "3"), (40, "d", "4"))
    assert [(one["panel"], one["label"][-4:]) for one in marks(shown)] == [
        (0, "a: 1"),
        (1, "b: 2"),
        (2, "c: 3"),
        (2, "d: 4"),
    ]


def test_tables_have_them_where_they_are_asked_for() -> None:
    shown = noted(picture(), (10, "a", "=1"), (10.5, "b", "torn"))
    [first, second] = json.loads(as_json(shown))["notes"]
    assert (first["series"], first["note"], second["ts"]) == ("a", "=1", "2026-11-22T11:10:30Z")
    rows = list(csv.reader(io.StringIO(as_csv(shown).decode())))
    assert [(row[0][11:16], row[-1]) for row in rows if row[-1]] == [("bucket"[11:16], "notes"), ("11:10", "=1; torn")]
    assert as_csv(shown, excel=True).decode().count("'=1; torn") == 1
    without = msgspec.structs.replace(shown, notes=False)
    assert "notes" not in json.loads(as_json(without))
    assert as_csv(without).decode().splitlines()[0] == "bucket,plan,fact,readings"
