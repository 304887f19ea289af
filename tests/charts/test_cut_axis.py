"""Where steps are left out, the time axis is cut: in its places, and in pictures."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.charts.drawing.draw import draw
from service.charts.drawing.picture import Picture
from service.charts.drawing.time_axis import labels
from service.charts.drawing.time_line import GAP, milliseconds, time_line
from service.charts.legible import check_bars, legible_period, visible
from service.errors import BadRequest
from service.languages.times import Times
from service.period.bucket import Bucket, Numbers, Panel
from service.period.open_hours import OpenHours
from service.period.steps import Period
from tests.pictures import boxes, of, texts

NOW = datetime(2026, 11, 27, 10, 20, tzinfo=UTC)
DAYTIME, WEEKDAYS = OpenHours((360, 1320)), OpenHours((360, 1320), (0, 1, 2, 3, 4))


def period(start: str, until: str | None = None, step: str | None = None, hours: OpenHours | None = DAYTIME) -> Period:
    return legible_period(start, until, step, "Europe/Berlin", NOW, 960, hours=hours)


def drawn(made: Period, **looks: Any) -> Picture:
    buckets = [Bucket(start, 40, 38, 6) for start, _ in made.kept]
    return of(buckets, made, **{"unfinished": made.unfinished(NOW), "now": made.line_at(NOW), **looks})


@given(
    start=st.integers(1, 20 * 24),
    after=st.integers(0, 48),
    hours=st.sampled_from([None, DAYTIME, WEEKDAYS, OpenHours((1320, 1800)), OpenHours(days=(6,))]),
    width=st.integers(150, 1900),
)
def test_places_keep_the_order_of_moments(start: int, after: int, hours: OpenHours | None, width: int) -> None:
    """Each step that is kept is as wide as it is long, and no two of them overlap."""
    made = period(f"-{start}h", f"now+{after}h" if after else None, "1h", hours)
    line = time_line(made, width)
    places = [line.at(made.start + number * timedelta(minutes=20)) for number in range(3 * (start + after) + 4)]
    assert places == sorted(places)
    assert line.start <= places[0]
    assert places[-1] <= line.end
    for first, last in made.kept:
        assert line.at(last) - line.at(first) == milliseconds(last) - milliseconds(first)
    for (_, end), (begin, _) in pairwise(made.kept):
        assert (line.at(begin) > line.at(end)) is (begin > end)


def test_without_hours_places_are_times() -> None:
    made = period("-6h", hours=None)
    assert time_line(made, 900).at(NOW) == milliseconds(NOW)
    assert time_line(made, 900).cuts == ()


def test_at_a_cut_bars_keep_a_distance_and_there_is_a_mark() -> None:
    made = period("-7d", None, "1h", WEEKDAYS)
    svg = draw(drawn(made, style="target"), "svg")
    found = boxes(svg, "fact")
    gaps = [after[0] - before[0] - before[1] for before, after in pairwise(found)]
    cuts = len(time_line(made, 900).cuts)
    assert cuts == 5
    assert sum(gap > GAP - 2 for gap in gaps) == cuts
    assert max(gaps) < GAP + 4
    assert svg.decode().count('stroke-dasharray="2,3"') == cuts
    assert "06:00 to 22:00, Mon to Fri" in " ".join(texts(svg))


@pytest.mark.parametrize("theme", ["light", "dark", "print"])
def test_panels_are_cut_as_well(theme: str) -> None:
    made = period("-2d", None, "1h", DAYTIME)
    buckets = drawn(made).panels[0].buckets
    numbers = Numbers((Panel("a", None, buckets), Panel("b", None, buckets)), None)
    svg = draw(msgspec.structs.replace(drawn(made, split=True, theme=theme), numbers=numbers), "svg").decode()
    assert svg.count('stroke-dasharray="2,3"') == 2 * len(time_line(made, 900).cuts)


def test_labels_name_steps_that_are_kept() -> None:
    made = period("2026-11-23", "2026-11-28", "1h", WEEKDAYS)
    found = labels(made, 900, "%a %H:%M", 11, Times())
    assert list(found.values()) == ["Mon 06:00", "Tue 06:00", "Wed 06:00", "Thu 06:00", "Fri 06:00"]


def test_now_in_a_cut_stands_in_the_gap() -> None:
    made = period("2026-11-26", "2026-11-29", "1h", OpenHours((720, 840)))
    line = time_line(made, 900)
    assert line.at(NOW) in line.cuts


def test_what_would_be_too_narrow_is_refused() -> None:
    with pytest.raises(BadRequest, match="give a shorter period or a larger width"):
        visible(period("-60d", None, None, OpenHours((360, 840))), 200)
    with pytest.raises(BadRequest, match="give a shorter period"):
        check_bars(period("-2000d", None, None))
    check_bars(period("-2000d", None, None, None))


def test_a_period_of_which_nothing_is_kept_says_so() -> None:
    made = period("2026-11-28", "2026-11-29", "1h", WEEKDAYS)
    assert "Nothing of this period is within these hours" in texts(draw(drawn(made), "svg"))
