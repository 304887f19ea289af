"""When shifts and their breaks are, in zones that change their clocks."""

import time
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.period.shift_rules import DAY, ShiftRule
from service.period.shifts import NO_SHIFTS, Shift, Shifts

BERLIN, ST_JOHNS, LORD_HOWE, APIA = "Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Apia"
WEEK = Shifts.read("early 06:00-14:00 break 10:00-10:15; late 14:00-22:00; night 22:00-06:00; days mon-fri", BERLIN)
MINUTE = timedelta(minutes=1)
CHANGES = {
    BERLIN: [date(2026, 3, 29), date(2026, 10, 25)],
    ST_JOHNS: [date(2026, 3, 8), date(2026, 11, 1), date(2010, 3, 14), date(2010, 11, 7)],  # until 2011 at 00:01
    LORD_HOWE: [date(2026, 10, 4), date(2026, 4, 5)],  # by half an hour
    APIA: [date(2011, 12, 29), date(2011, 12, 30)],  # a whole day was left out
}


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def local(moment: datetime, zone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M%z}"


def name(shift: Shift | None) -> str:
    return f"{shift.name} {shift.date:%a %d}" if shift else "none"


@pytest.mark.parametrize(
    ("moment", "running", "begun", "over"),
    [
        ("2026-11-24T05:59:59+01:00", "night Mon 23", "night Mon 23", "late Mon 23"),
        ("2026-11-24T06:00+01:00", "early Tue 24", "early Tue 24", "night Mon 23"),
        ("2026-11-24T13:59+01:00", "early Tue 24", "early Tue 24", "night Mon 23"),
        ("2026-11-24T14:00+01:00", "late Tue 24", "late Tue 24", "early Tue 24"),
        ("2026-11-25T00:30+01:00", "night Tue 24", "night Tue 24", "late Tue 24"),
        ("2026-11-28T05:00+01:00", "night Fri 27", "night Fri 27", "late Fri 27"),
        ("2026-11-28T06:00+01:00", "none", "night Fri 27", "night Fri 27"),
        ("2026-11-29T12:00+01:00", "none", "night Fri 27", "night Fri 27"),
        ("2026-11-30T05:59+01:00", "none", "night Fri 27", "night Fri 27"),
        ("2026-11-30T06:00+01:00", "early Mon 30", "early Mon 30", "night Fri 27"),
    ],
)
def test_the_shift_of_a_moment(moment: str, running: str, begun: str, over: str) -> None:
    then = at(moment)
    assert (name(WEEK.at(then)), name(WEEK.begun(then)), name(WEEK.last(then))) == (running, begun, over)


def test_a_shift_over_midnight_belongs_to_the_date_it_begins_on() -> None:
    night = WEEK.named("NIGHT", date(2026, 11, 24), at("2026-01-01T00:00Z"))
    assert night == Shift("night", date(2026, 11, 24), at("2026-11-24T22:00+01:00"), at("2026-11-25T06:00+01:00"))


def test_a_name_alone_is_the_newest_of_that_name_that_has_begun() -> None:
    tuesday = at("2026-11-24T12:00+01:00")
    assert name(WEEK.named("early", None, tuesday)) == "early Tue 24"
    assert name(WEEK.named("late", None, tuesday)) == "late Mon 23"
    assert name(WEEK.named("late", None, at("2026-11-29T12:00+01:00"))) == "late Fri 27"
    assert WEEK.named("late", date(2026, 11, 28), tuesday) is None  # a Saturday
    assert WEEK.named("later", None, tuesday) is None
    assert WEEK.names == ("early", "late", "night")
    weekly = Shifts.read("a 02:10-02:50 days sun", BERLIN)
    assert name(weekly.named("a", None, at("2026-03-29T02:00+01:00"))) == "a Sun 22"
    # on the 29th there was no such time
    assert name(weekly.begun(at("2026-04-05T02:09+02:00"))) == "a Sun 22"
    assert name(weekly.last(at("2026-04-05T02:50+02:00"))) == "a Sun 05"


def test_between_has_every_shift_of_which_a_part_is_there() -> None:
    found = WEEK.between(at("2026-11-27T13:59+01:00"), at("2026-11-30T06:01+01:00"))
    assert [name(one) for one in found] == ["early Fri 27", "late Fri 27", "night Fri 27", "early Mon 30"]
    assert WEEK.between(at("2026-11-28T06:00+01:00"), at("2026-11-30T06:00+01:00")) == []
    assert WEEK.between(at("2026-11-24T12:00Z"), at("2026-11-24T12:00Z")) == []


def test_breaks_are_cut_to_the_span() -> None:
    tuesday = [(at("2026-11-24T10:00+01:00"), at("2026-11-24T10:15+01:00"))]
    assert WEEK.breaks(at("2026-11-24T00:00Z"), at("2026-11-25T00:00Z")) == tuesday
    assert WEEK.breaks(at("2026-11-24T10:05+01:00"), at("2026-11-24T10:10+01:00")) == [
        (at("2026-11-24T10:05+01:00"), at("2026-11-24T10:10+01:00"))
    ]
    assert WEEK.breaks(at("2026-11-24T10:15+01:00"), at("2026-11-25T10:00+01:00")) == []
    assert len(WEEK.breaks(at("2026-11-01T00:00Z"), at("2026-12-01T00:00Z"))) == 21


def test_without_shifts_there_are_none() -> None:
    now = at("2026-11-24T12:00Z")
    assert not NO_SHIFTS
    assert WEEK
    assert (NO_SHIFTS.at(now), NO_SHIFTS.last(now), NO_SHIFTS.begun(now)) == (None, None, None)
    assert (NO_SHIFTS.between(now, now + timedelta(days=9)), NO_SHIFTS.breaks(now, now + timedelta(days=9))) == ([], [])


@pytest.mark.parametrize(
    ("zone", "text", "on", "start", "end"),
    [
        (BERLIN, "22:00-06:00", "2026-10-24", "2026-10-24T22:00+0200", "2026-10-25T06:00+0100"),  # nine hours
        (BERLIN, "22:00-06:00", "2026-03-28", "2026-03-28T22:00+0100", "2026-03-29T06:00+0200"),  # seven
        (BERLIN, "02:30-10:00", "2026-10-25", "2026-10-25T02:30+0200", "2026-10-25T10:00+0100"),
        (BERLIN, "20:00-02:30", "2026-10-24", "2026-10-24T20:00+0200", "2026-10-25T02:30+0200"),
        (BERLIN, "02:30-10:00", "2026-03-29", "2026-03-29T03:00+0200", "2026-03-29T10:00+0200"),
        (BERLIN, "20:00-02:30", "2026-03-28", "2026-03-28T20:00+0100", "2026-03-29T03:00+0200"),
        (LORD_HOWE, "01:45-02:15", "2026-10-04", "2026-10-04T01:45+1030", "2026-10-04T02:30+1100"),
        (LORD_HOWE, "01:45-06:00", "2026-04-05", "2026-04-05T01:45+1100", "2026-04-05T06:00+1030"),
        (ST_JOHNS, "00:00-06:00", "2010-11-07", "2010-11-07T00:00-0230", "2010-11-07T06:00-0330"),
        (ST_JOHNS, "22:00-00:30", "2010-03-13", "2010-03-13T22:00-0330", "2010-03-14T01:01-0230"),
        (APIA, "22:00-06:00", "2011-12-29", "2011-12-29T22:00-1000", "2011-12-31T00:00+1400"),
    ],
)
def test_clock_changes_make_a_shift_longer_or_shorter(zone: str, text: str, on: str, start: str, end: str) -> None:
    shifts = Shifts.read(f"a {text}", zone)
    made = shifts.named("a", date.fromisoformat(on), datetime.now(UTC))
    assert made is not None
    assert (local(made.start, zone), local(made.end, zone)) == (start, end)
    assert shifts.at(made.start) == shifts.at(made.end - MINUTE) == made


@pytest.mark.parametrize(
    ("on", "text", "breaks"),
    [
        ("2026-10-24", "02:00-02:30", [("02:00+0200", "02:30+0200")]),
        ("2026-10-24", "02:30-03:00", [("02:30+0200", "02:00+0100")]),  # half an hour all the same
        ("2026-03-28", "01:45-02:15", [("01:45+0100", "03:15+0200")]),
        ("2026-03-28", "02:15-02:30", [("03:00+0200", "03:15+0200")]),
        ("2026-03-28", "02:15-02:30 break 02:45-03:05", [("03:00+0200", "03:15+0200"), ("03:15+0200", "03:35+0200")]),
        ("2026-03-28", "02:15-02:30 break 03:05-03:20", [("03:00+0200", "03:15+0200"), ("03:15+0200", "03:30+0200")]),
    ],
)
def test_a_break_is_as_long_as_ever(on: str, text: str, breaks: list[tuple[str, str]]) -> None:
    made = Shifts.read(f"night 22:00-06:00 break {text}", BERLIN).named(
        "night", date.fromisoformat(on), at("2026-01-01T00Z")
    )
    assert made is not None
    assert [(local(a, BERLIN)[11:], local(b, BERLIN)[11:]) for a, b in made.breaks] == breaks


def test_a_shift_of_which_the_clock_leaves_nothing_isnt_there() -> None:
    shifts = Shifts.read("a 02:00-03:00; b 06:00-14:00", BERLIN)
    found = shifts.between(at("2026-03-28T00:00+01:00"), at("2026-03-30T00:00+02:00"))
    assert [name(one) for one in found] == ["a Sat 28", "b Sat 28", "b Sun 29"]
    whole = Shifts.read("a 00:00-24:00", APIA).between(at("2011-12-29T12:00-10:00"), at("2011-12-31T12:00+14:00"))
    assert [name(one) for one in whole] == ["a Thu 29", "a Sat 31"]


@st.composite
def rules(draw: st.DrawFn) -> tuple[ShiftRule, ...]:
    """Shifts one after the other on the clock of a day, which may last into the next, with breaks."""
    edges = sorted(draw(st.sets(st.integers(0, DAY - 1), min_size=2, max_size=6)))
    days = draw(st.sets(st.integers(0, 6), min_size=1))
    made = []
    for number, (start, end) in enumerate(pairwise([*edges, edges[0] + DAY])):
        if number and draw(st.booleans()):
            continue
        inner = sorted(draw(st.sets(st.integers(start, end), max_size=4)))
        pairs = list(zip(inner[::2], inner[1::2], strict=False))
        breaks = tuple(pair for pair in pairs if pair != (start, end))
        made.append(ShiftRule(f"s{number}", (start, end), breaks, tuple(sorted(days))))
    return tuple(made)


@cache
def clock_around(zone: str, on: date) -> tuple[list[datetime], list[datetime]]:
    """The minutes of six days around a date, and what the clock shows in each."""
    noon = datetime(on.year, on.month, on.day, 12, tzinfo=UTC) - timedelta(days=2)
    minutes = [noon + number * MINUTE for number in range(6 * DAY)]
    return minutes, [minute.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for minute in minutes]


@settings(max_examples=50)
@given(
    made=rules(),
    place=st.sampled_from([(zone, on) for zone, dates in CHANGES.items() for on in dates]),
    ahead=st.booleans(),
)
def test_every_minute_is_in_the_shift_that_a_plain_count_says(
    made: tuple[ShiftRule, ...], place: tuple[str, date], ahead: bool
) -> None:
    """Minute by minute, the clock is looked at as people do."""
    zone, on = place
    on -= timedelta(days=ahead)
    minutes, clock = clock_around(zone, on)

    def first_shown(wanted: datetime) -> int:
        """The number of the minute in which the clock first shows a time, or a later one."""
        return next(number for number, shown in enumerate(clock) if shown >= wanted)

    expected: dict[int, tuple[str, date]] = {}
    pausing: set[int] = set()
    for shifted in (-1, 0, 1):
        day = on + timedelta(days=shifted)
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001
        for rule in (rule for rule in made if day.weekday() in rule.days):
            start, end = (first_shown(midnight + minute * MINUTE) for minute in rule.minutes)
            expected |= dict.fromkeys(range(start, end), (rule.name, day))
            free = start
            for first, last in rule.breaks:
                begin = max(free, first_shown(midnight + first * MINUTE))
                free = begin + last - first
                pausing |= set(range(begin, min(free, end)))
    shifts = Shifts(made, zone)
    known = {number for number, shown in enumerate(clock) if shown.date() == on}
    for number in sorted(known):
        found = shifts.at(minutes[number] + timedelta(seconds=number % 60))
        assert ((found.name, found.date) if found else None) == expected.get(number), minutes[number]
    spans = shifts.breaks(minutes[0], minutes[-1])
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    paused = {number for number in known if any(first <= minutes[number] < last for first, last in spans)}
    assert paused == pausing & known
    for shift in shifts.between(minutes[0], minutes[-1]):
        assert all(shift.start <= first < last <= shift.end for first, last in shift.breaks)


def test_a_month_of_breaks_is_known_at_once() -> None:
    """Plans are spread over the minutes without breaks, thousands a second."""
    shifts = Shifts.read("a 06:00-14:00 break 09:00-09:15 break 12:00-12:30; b 14:00-22:00 break 18:00-18:30", BERLIN)
    start = at("2026-11-01T00:00Z")
    shifts.breaks(start, start + timedelta(days=31))
    began = time.process_time()
    for _ in range(100):
        assert len(shifts.breaks(start, start + timedelta(days=31))) == 93
    assert time.process_time() - began < 0.5
    began = time.process_time()
    for number in range(1000):
        shifts.breaks(start + number * MINUTE, start + (number + 60) * MINUTE)
    assert time.process_time() - began < 0.5
