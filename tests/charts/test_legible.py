"""How many bars a picture shows, and how long its steps are."""

from datetime import UTC, datetime

import pytest

from service.charts.legible import LEGIBLE_BAR_WIDTH, MAX_BARS, check_bars, legible_period, visible
from service.errors import BadRequest
from service.period.steps import STEPS, Period

NOW = datetime(2026, 11, 22, 11, 59, 30, 123456, tzinfo=UTC)


def period(start: str | None = None, end: str | None = None, step: str | None = None, zone: str = "UTC") -> Period:
    return legible_period(start, end, step, zone, NOW, 960)


@pytest.mark.parametrize("length", ["-10m", "-1h", "-6h", "-1d", "-7d", "-30d", "-365d"])
def test_the_step_widens_with_the_period(length: str) -> None:
    made = period(length)
    assert 2 * (len(made.edges) - 1) <= MAX_BARS
    narrower = [step for step in STEPS if STEPS[step] < made.seconds]
    assert not narrower or (made.end - made.start).total_seconds() / STEPS[narrower[-1]] * 2 > 960 / LEGIBLE_BAR_WIDTH


@pytest.mark.parametrize(
    ("start", "end", "step", "field"),
    [
        ("now", "-1h", None, "from"),
        ("-1h", "-1h", None, "from"),
        ("now-1h", "now-2h", None, "from"),
        (None, None, "2m", "step"),
        ("-30d", None, "1m", "step"),
        ("1990-01-01", None, "1d", "step"),
        ("+2h", None, None, "from"),
    ],
)
def test_impossible_periods_are_refused(start: str | None, end: str | None, step: str | None, field: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check_bars(period(start, end, step))
    assert caught.value.faults[0].field == field


def test_the_longest_period_is_said_where_no_longer_step_would_help() -> None:
    check_bars(period("1900-01-01", "2199-12-31"))
    with pytest.raises(BadRequest, match="give a period of at most 62 years"):
        check_bars(period("1900-01-01", "2026-01-01"), 12)
    with pytest.raises(BadRequest, match="give a longer step or a shorter period"):
        check_bars(period("2024-01-01", "2026-01-21", "1d"))
    with pytest.raises(BadRequest, match="give a longer step or a shorter period"):
        check_bars(period("2026-01-01", "2026-01-03", "1m"))


def test_a_step_that_is_asked_for_becomes_longer_where_it_is_narrower_than_a_pixel() -> None:
    days = period("2024-11-22", "2026-11-22", "1d")
    assert visible(days, 902) == days
    assert visible(days, 700) == period("2024-11-22", "2026-11-22", "1w")
    assert visible(days, 50).step == "1M"
    assert visible(period("1900-01-01", "2100-01-01", "1y"), 50).step == "1y"


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin"])
def test_as_many_days_as_there_may_be(zone: str) -> None:
    """Whether or not the clock changes within the period."""
    check_bars(period("2024-10-20", "2026-11-09", "1d", zone))
    with pytest.raises(BadRequest, match="1502 bars of 1d are too many"):
        check_bars(period("2024-10-19", "2026-11-09", "1d", zone))
