from datetime import UTC, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from service.errors import BadRequest
from service.period.steps import STEPS, Period, make_period
from service.period.times import check_zone, parse_time, zones
from service.settings import Settings

NOW = datetime(2026, 11, 22, 11, 59, 30, 123456, tzinfo=UTC)
LONG = ("1w", "1M", "1y")
BERLIN, KOLKATA, NEW_YORK = "Europe/Berlin", "Asia/Kolkata", "America/New_York"


def period(start: str | None = None, end: str | None = None, step: str | None = None, zone: str = "UTC") -> Period:
    return make_period(start, end, step, zone, NOW, 240)


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
        ("2026-01-31T15:05:00 01:00", at("2026-01-31T14:05:00Z")),  # a + that was decoded as a space in an address
        ("2026-01-31 15:05:00 01:00", at("2026-01-31T14:05:00Z")),
        ("2026-01-31 14:05:00+00", at("2026-01-31T14:05:00Z")),  # the output format of PostgreSQL
        ("2026-01-31 14:05:00 00", at("2026-01-31T14:05:00Z")),
        ("2026-01-31 15:05", at("2026-01-31T14:05:00Z")),
        ("2026-01-31t14:05:00z", at("2026-01-31T14:05:00Z")),
        ("2026-01-31T15:05", at("2026-01-31T14:05:00Z")),
        ("2026-01-31", at("2026-01-30T23:00:00Z")),
        ("20260131", at("2026-01-30T23:00:00Z")),
        ("14:05_20260131", at("2026-01-31T13:05:00Z")),
        ("-12hours", NOW - timedelta(hours=12)),
        ("-1hour", NOW - timedelta(hours=1)),
        ("-90minutes", NOW - timedelta(minutes=90)),
        ("-1minute", NOW - timedelta(minutes=1)),
        ("-30seconds", NOW - timedelta(seconds=30)),
        ("-7days", NOW - timedelta(days=7)),
        ("now-1day/d", at("2026-11-20T23:00:00Z")),
        ("-2weeks", NOW - timedelta(weeks=2)),
        ("-1months", at("2026-10-22T10:59:30.123456Z")),
        ("-1years", at("2025-11-22T11:59:30.123456Z")),
        ("now-1month+2days-3min", at("2026-10-24T10:56:30.123456Z")),
        ("now+1h", NOW + timedelta(hours=1)),
        ("now 1h", NOW + timedelta(hours=1)),  # again a + that was decoded as a space
        ("-1h+5m", NOW - timedelta(minutes=55)),
        ("today", at("2026-11-21T23:00:00Z")),
        ("midnight", at("2026-11-21T23:00:00Z")),
        ("yesterday", at("2026-11-20T23:00:00Z")),
        ("tomorrow", at("2026-11-22T23:00:00Z")),
        ("noon", at("2026-11-22T11:00:00Z")),
        ("noon yesterday", at("2026-11-21T11:00:00Z")),
        ("noon_yesterday", at("2026-11-21T11:00:00Z")),
        ("6pm", at("2026-11-22T17:00:00Z")),
        ("6pm today", at("2026-11-22T17:00:00Z")),
        ("6:30am yesterday", at("2026-11-21T05:30:00Z")),
        ("12am", at("2026-11-21T23:00:00Z")),
        ("12:15pm", at("2026-11-22T11:15:00Z")),
        ("teatime", at("2026-11-22T15:00:00Z")),
        ("9:05", at("2026-11-22T08:05:00Z")),
        ("23:59_tomorrow", at("2026-11-23T22:59:00Z")),
        ("sunday", at("2026-11-21T23:00:00Z")),  # today is a Sunday
        ("monday", at("2026-11-15T23:00:00Z")),
        ("6pm friday", at("2026-11-20T17:00:00Z")),
        ("06:00_monday+8h", at("2026-11-16T13:00:00Z")),
        ("6PM Friday", at("2026-11-20T17:00:00Z")),
        ("monday-3w", at("2026-10-25T23:00:00Z")),
        ("today+8h", at("2026-11-22T07:00:00Z")),
        ("now/h", at("2026-11-22T11:00:00Z")),
        ("now/d", at("2026-11-21T23:00:00Z")),
        ("now/w", at("2026-11-15T23:00:00Z")),
        ("now-1M/M", at("2026-09-30T22:00:00Z")),
        ("now/y", at("2025-12-31T23:00:00Z")),
        ("-1mon", at("2026-10-22T10:59:30.123456Z")),  # the same time of the day, but in summer time
        ("-1y", at("2025-11-22T11:59:30.123456Z")),
    ],
)
def test_times_are_read_as_people_write_them(text: str, moment: datetime) -> None:
    assert parse_time("from", text, BERLIN, NOW) == moment


@pytest.mark.parametrize(
    "text",
    [
        "soon",
        "",
        "/d",
        "now/q",
        "noon-",
        "yesterday noon",
        "13pm",
        "0am",
        "24:00",
        "9:60",
        "14:05pm",
        "6 pm",
        "someday",
        "monday tuesday",
        "now-2x",
        "-2hourss",
        "-2Hours",
        "2026-01-31 15:05 1:00",
        "2026-13-01",
        "-",
        "1e99",
        "now-999999w",
        "٣",
        "9" * 15,
        "-1e5",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        parse_time("from", text, "UTC", NOW)
    assert caught.value.faults[0].field == "from"


def test_every_iana_name_is_a_zone_and_nothing_else() -> None:
    listed = files("tzdata").joinpath("zones").read_text().split()
    assert len(listed) > 500
    assert {"UTC", "GMT", "Asia/Calcutta", "US/Eastern", "Etc/GMT+5"} < set(listed)
    for name in set(listed) - {"Factory"}:
        assert check_zone(name) == name
    for name in (
        "right/UTC",
        "posix/Europe/Berlin",
        "localtime",
        "Factory",
        "posixrules",
        "tzdata.zi",
    ):
        with pytest.raises(BadRequest, match="an IANA time zone"):
            check_zone(name)


def test_capitals_of_a_zone_do_not_matter() -> None:
    """Browsers accept any case as well. However it was written, a zone has one name, by which charts are cached and
    shared."""
    for name in zones():
        assert check_zone(name.lower()) == check_zone(name.upper()) == check_zone(f" {name} ") == name


def test_capitals_do_not_matter_in_the_settings_either() -> None:
    assert Settings.load(chart_tz="europe/berlin").chart_tz == "Europe/Berlin"


@pytest.mark.parametrize("offset", ["+01:00", " 01:00", "-05:30", "UTC+2", "gmt -3", "+0100"])
def test_an_offset_is_no_zone_and_is_told_why(offset: str) -> None:
    with pytest.raises(BadRequest, match="an offset doesn't tell when clocks are changed") as caught:
        check_zone(offset)
    assert caught.value.faults[0].field == "tz"


def test_until_is_rounded_up_as_in_grafana() -> None:
    made = period("now-1d/d", "now-1d/d", zone=BERLIN)
    assert (made.start, made.end) == (at("2026-11-20T23:00:00Z"), at("2026-11-21T23:00:00Z"))


def test_a_day_back_is_the_same_time_of_the_day_whatever_the_clock_did() -> None:
    monday = at("2026-10-25T23:30:00Z")  # half past midnight in Berlin, after a day of 25 hours
    assert parse_time("from", "-1d", BERLIN, monday) == at("2026-10-24T22:30:00Z")
    assert parse_time("from", "now-1d/d", BERLIN, monday) == at("2026-10-24T22:00:00Z")
    assert parse_time("from", "-31d", BERLIN, at("2026-03-31T10:00:00Z")) == at("2026-02-28T11:00:00Z")
    assert parse_time("from", "-1mon", BERLIN, at("2026-03-31T10:00:00Z")) == at("2026-02-28T11:00:00Z")


def test_the_first_and_last_steps_are_whole() -> None:
    made = period("2026-11-22T10:00:30Z", "2026-11-22T10:30:01Z")
    assert (made.start, made.end) == (at("2026-11-22T10:00:00Z"), at("2026-11-22T10:31:00Z"))


@pytest.mark.parametrize(
    ("start", "step"),
    [
        ("2026-11-15", "1h"),
        ("2026-10-23", "6h"),
        ("2026-06-01", "1d"),
        ("2024-11-22", "1w"),
        ("2016-11-22", "1M"),
        ("1970-01-01", "1y"),
        ("1901-01-01", "1y"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", BERLIN, KOLKATA])
def test_decades_are_no_longer_than_weeks(start: str, step: str, zone: str) -> None:
    made = period(start, zone=zone)
    assert made.step == step
    assert made.count <= 240


@pytest.mark.parametrize("zone", ["UTC", BERLIN, KOLKATA, NEW_YORK, "Pacific/Apia", "Asia/Manila", "Africa/Monrovia"])
@pytest.mark.parametrize("step", ["1w", "1M", "1y"])
def test_weeks_months_and_years_begin_with_their_first_day(step: str, zone: str) -> None:
    """Steps begin at midnight, or where the clock skips midnight, directly after it; there are as many as in the
    calendar."""
    made = period("1971-02-03T04:05", "2031-08-09T10:11", step, zone)
    days = [edge.astimezone(ZoneInfo(zone)) for edge in made.edges]
    for day in days:
        if step == "1w":
            assert day.weekday() == 0
        else:
            assert day.day == 1
            assert step == "1M" or day.month == 1
    assert {(day.hour, day.minute) for day in days if day.year > 1972} <= {(0, 0), (1, 0)}
    numbers = {
        "1w": [day.toordinal() // 7 for day in days],
        "1M": [day.year * 12 + day.month for day in days],
        "1y": [day.year for day in days],
    }[step]
    assert numbers == list(range(numbers[0], numbers[-1] + 1))
    assert (made.start, made.end) == (made.edges[0], made.edges[-1])
    assert made.start <= at("1971-02-03T04:05:00Z") + timedelta(hours=14)
    assert len(made.edges) - 1 == made.count


def test_days_follow_the_clock_of_the_zone() -> None:
    spring = period("2026-03-28", "2026-03-31", "1d", BERLIN).edges
    autumn = period("2026-10-24", "2026-10-27", "1d", BERLIN).edges
    hours = [[(b - a) / timedelta(hours=1) for a, b in pairwise(days)] for days in (spring, autumn)]
    assert hours == [[24, 23, 24], [24, 25, 24]]


def test_hours_stay_hours_through_clock_changes() -> None:
    autumn = period("2026-10-25", "2026-10-26", "1h", BERLIN).edges
    assert len(autumn) == 26
    assert {b - a for a, b in pairwise(autumn)} == {timedelta(hours=1)}


def test_hours_begin_on_the_clock_also_after_it_was_set_by_half_an_hour() -> None:
    for day in ("2026-04-05", "2026-10-04"):
        edges = period(day, f"{day} 23:59", "1h", "Australia/Lord_Howe").edges
        assert {edge.astimezone(ZoneInfo("Australia/Lord_Howe")).minute for edge in edges} == {0}
        lengths = [(b - a) // timedelta(minutes=1) for a, b in pairwise(edges)]
        assert sorted(lengths)[-2:] == [60, 90]
        assert set(lengths) == {60, 90}


def test_edges_are_whole_minutes_where_the_clock_was_off_by_seconds() -> None:
    for step, minute in (("1m", 0), ("1h", 45), ("1d", 45)):
        made = period("1971-06-01T05:00", "1971-06-01T06:00", step, "Africa/Monrovia")
        assert (made.start.second, made.end.second) == (0, 0)
        assert step == "1m" or made.start.minute == minute


def test_hours_of_a_half_hour_zone_begin_on_its_clock() -> None:
    made = period("-5h", None, "1h", KOLKATA)
    assert made.start.minute == 30
    assert made.relation == "quarter"
    assert period("-5h", None, "1h", NEW_YORK).relation == "hour"


@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("America/Santiago", "2026-09-04", "2026-09-09"),  # midnight is skipped
        ("Atlantic/Azores", "2026-10-23", "2026-10-28"),  # midnight comes twice
        ("Australia/Lord_Howe", "2026-04-03", "2026-04-08"),  # the clock goes back half an hour
        ("Pacific/Apia", "2011-12-28", "2012-01-02"),  # a day is skipped
        # a minute after midnight the clock goes back to the day before
        ("America/St_Johns", "2009-10-30", "2009-11-04"),
        ("Africa/Monrovia", "1972-01-05", "1972-01-10"),  # 44:30 minutes off UTC, and then equal to UTC
    ],
)
@pytest.mark.parametrize("step", list(STEPS)[2:])
def test_steps_meet_without_gap_or_overlap_in_odd_zones(zone: str, start: str, end: str, step: str) -> None:
    made = period(start, end, step, zone)
    assert made.edges[0] == made.start
    assert made.edges[-1] == made.end
    assert all(a < b for a, b in pairwise(made.edges))
    assert made.start == parse_time("from", start, zone, NOW) or zone == "Africa/Monrovia" or step in LONG
    assert all(edge.second == 0 for edge in made.edges)
    asked = [made.start + timedelta(minutes=(7 if step not in LONG else 1009) * number) for number in range(17 * 60)]
    for moment in (one for one in asked if one < made.end):
        alone = period(
            f"{moment:%Y-%m-%dT%H:%M:%SZ}", f"{moment + timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}", step, zone
        )
        assert (alone.start, len(alone.edges)) == (made.step_at(moment), 2)
    if step == "1d":
        days = [edge.astimezone(ZoneInfo(zone)).date() for edge in made.edges]
        assert len(set(days)) == len(days)


def test_the_smallest_relation_that_can_answer_is_read() -> None:
    assert period("-365d", None, "1d").relation == "day"
    assert period("2026-01-01", "2026-02-01", "1d", "Europe/London").relation == "day"
    assert period("-365d", None, "1d", "Europe/London").relation == "hour"
    assert period("-365d", None, "1d", KOLKATA).relation == "quarter"
    assert period("-30d", None, "6h").relation == "hour"
    assert period("2026-02-01", "2026-05-01", "6h", "Australia/Lord_Howe").relation == "quarter"
    assert period("-1h").relation == "minute"


def test_the_step_that_is_under_way() -> None:
    made = period("-1h", "+1h")
    assert made.step_at(NOW) == at("2026-11-22T11:59:00Z")
    assert made.step_at(made.end) is None
    assert made.step_at(made.start - timedelta(seconds=1)) is None


def test_the_first_step_that_is_not_over() -> None:
    made = period("-1h", "+1h")
    assert made.unfinished(NOW) == made.step_at(NOW)
    assert made.unfinished(made.start - timedelta(days=1)) == made.start
    assert made.unfinished(made.end) is None


def test_six_hours_are_counted_from_midnight() -> None:
    made = period("2026-07-01T07:00", "2026-07-02T01:00", "6h", BERLIN)
    assert made.start == at("2026-07-01T04:00:00Z")
    assert made.end == at("2026-07-02T04:00:00Z")
