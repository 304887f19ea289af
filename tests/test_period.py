from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from service.errors import BadRequest
from service.period import MAX_BARS, MIN_BAR, STEPS, Period, check_bars, make_period, parse_time

NOW = datetime(2026, 11, 22, 11, 59, 30, 123456, tzinfo=UTC)
BERLIN, KOLKATA, NEW_YORK = "Europe/Berlin", "Asia/Kolkata", "America/New_York"


def period(start: str | None = None, end: str | None = None, step: str | None = None, zone: str = "UTC") -> Period:
    return make_period(start, end, step, zone, NOW, 960)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_the_last_hour_is_sixty_whole_minutes() -> None:
    made = period()
    assert (made.start, made.end, made.step) == (at("2026-11-22T11:00:00Z"), at("2026-11-22T12:00:00Z"), "1m")
    assert len(made.edges) == 61


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", NOW),
        ("now-2h", NOW - timedelta(hours=2)),
        ("-2h", NOW - timedelta(hours=2)),
        ("-90s", NOW - timedelta(seconds=90)),
        ("now-5min", NOW - timedelta(minutes=5)),
        ("now-1w", NOW - timedelta(weeks=1)),
        ("1769868300", at("2026-01-31T14:05:00Z")),
        ("1769868300000", at("2026-01-31T14:05:00Z")),
        ("2026-01-31T14:05:00Z", at("2026-01-31T14:05:00Z")),
        ("2026-01-31T15:05:00+01:00", at("2026-01-31T14:05:00Z")),
        ("2026-01-31T15:05:00 01:00", at("2026-01-31T14:05:00Z")),  # a + that an address turned into a space
        ("2026-01-31T15:05", at("2026-01-31T14:05:00Z")),
        ("2026-01-31", at("2026-01-30T23:00:00Z")),
    ],
)
def test_times_are_read_as_people_write_them(text: str, moment: datetime) -> None:
    assert parse_time("from", text, BERLIN, NOW) == moment


@pytest.mark.parametrize("text", ["soon", "now-2x", "2026-13-01", "-", "1e99", "now-999999w", "٣", "9" * 15, "-1e5"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_time("from", text, "UTC", NOW)
    assert caught.value.faults[0].field == "from"


def test_the_first_and_last_steps_are_whole() -> None:
    made = period("2026-11-22T10:00:30Z", "2026-11-22T10:30:01Z")
    assert (made.start, made.end) == (at("2026-11-22T10:00:00Z"), at("2026-11-22T10:31:00Z"))


@pytest.mark.parametrize("length", ["-10m", "-1h", "-6h", "-1d", "-7d", "-30d", "-365d"])
def test_the_step_widens_with_the_period(length: str) -> None:
    made = period(length)
    assert 2 * (len(made.edges) - 1) <= MAX_BARS
    narrower = [step for step in STEPS if STEPS[step] < made.seconds]
    assert not narrower or (made.end - made.start).total_seconds() / STEPS[narrower[-1]] * 2 > 960 / MIN_BAR


@pytest.mark.parametrize(
    ("start", "end", "step", "field"),
    [
        ("now", "-1h", None, "from"),
        ("-1h", "-1h", None, "from"),
        ("now-1h", "now-2h", None, "from"),
        (None, None, "2m", "step"),
        ("-30d", None, "1m", "step"),
        ("1990-01-01", None, None, "from"),
        ("+2h", None, None, "from"),
    ],
)
def test_impossible_periods_are_refused(start: str | None, end: str | None, step: str | None, field: str) -> None:
    with pytest.raises(BadRequest) as caught:
        check_bars(period(start, end, step))
    assert caught.value.faults[0].field == field


def test_days_follow_the_clock_of_the_zone() -> None:
    spring = period("2026-03-28", "2026-03-31", "1d", BERLIN).edges
    autumn = period("2026-10-24", "2026-10-27", "1d", BERLIN).edges
    hours = [[(b - a) / timedelta(hours=1) for a, b in pairwise(days)] for days in (spring, autumn)]
    assert hours == [[24, 23, 24], [24, 25, 24]]


def test_hours_stay_hours_through_clock_changes() -> None:
    autumn = period("2026-10-25", "2026-10-26", "1h", BERLIN).edges
    assert len(autumn) == 26
    assert {b - a for a, b in pairwise(autumn)} == {timedelta(hours=1)}


def test_hours_of_a_half_hour_zone_begin_on_its_clock() -> None:
    made = period("-5h", None, "1h", KOLKATA)
    assert made.start.minute == 30
    assert made.relation == "minute"
    assert period("-5h", None, "1h", NEW_YORK).relation == "hour"


def test_six_hours_are_counted_from_midnight() -> None:
    made = period("2026-07-01T07:00", "2026-07-02T01:00", "6h", BERLIN)
    assert made.start == at("2026-07-01T04:00:00Z")
    assert made.end == at("2026-07-02T04:00:00Z")
