"""What `emitter replace` reads."""

import io
import json
from datetime import UTC, datetime

import pytest

from emitter.data.cells import Layout
from emitter.data.revision import Revision, read_revision
from emitter.data.table import Table
from emitter.errors import BadTable

TEXT = """ts,series,plan,fact,for,who
2026-01-31T06:00:00Z,saw,480,,8h,Eva
2026-01-31T06:30:30Z,press,10,9,,
2026-01-31T07:00:00Z,press,,8,,
"""


def revised(text: str = TEXT, field: str | None = "plan", *only: str) -> Revision:
    return read_revision(Table(io.BytesIO(text.encode()), Layout(attributes=field is None)), field, only)


def test_a_plan_by_series_and_its_range() -> None:
    found = revised()
    assert (found.start, found.end, found.count) == (at(6), at(14), 2)
    assert {name: [json.loads(line) for line in lines] for name, lines in found.lines.items()} == {
        "saw": [{"ts": "2026-01-31T06:00:00Z", "series": "saw", "plan": 480, "for": "8h"}],
        "press": [{"ts": "2026-01-31T06:30:30Z", "series": "press", "plan": 10}],
    }


def test_without_a_field_all_is_kept() -> None:
    found = revised(TEXT, None, "press")
    assert (found.start, found.end) == (at(6, 30, 30), at(7, 1))
    assert [json.loads(line).get("fact") for line in found.lines["press"]] == [9, 8]
    assert json.loads(revised(TEXT, None).lines["saw"][0])["who"] == "Eva"


@pytest.mark.parametrize(
    ("text", "only", "why"),
    [
        (TEXT + "soon,saw,1,,,\n", (), "nothing was sent.*\nline 5, column ts"),
        (TEXT, ("saw", "drill"), "no row of the series 'drill'"),
        ("ts,plan\n", (), "no rows"),
        (TEXT.replace("8h", "soon"), (), "is no duration"),
    ],
)
def test_what_is_not_whole_is_refused(text: str, only: tuple[str, ...], why: str) -> None:
    with pytest.raises(BadTable, match=why):
        revised(text, "plan", *only)


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 1, 31, hour, minute, second, tzinfo=UTC)
