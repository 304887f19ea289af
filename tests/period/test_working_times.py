"""What counts as working time, compared with a plain count of minutes."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from service.period.shifts import NO_SHIFTS, Shifts
from service.period.working_times import moment_after, moment_before, worked, working_times
from tests.examples import examples

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
WEEK = Shifts.read(
    "early 06:00-14:00 break 10:00-10:15; late 14:00-22:00; night 22:00-06:00 break 02:00-02:30; days mon-fri",
    "Europe/Berlin",
)
SELDOM = Shifts.read("early 06:00-06:30 days mon", "Europe/Berlin")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def test_a_break_and_a_weekend_are_no_working_time() -> None:
    assert worked(WEEK, at("2026-11-24T09:58+01:00"), at("2026-11-24T10:20+01:00")) == 7 * MINUTE
    # from Saturday, when the night shift of Friday ends, to Monday
    assert working_times(WEEK, at("2026-11-28T06:00+01:00"), at("2026-11-30T06:00+01:00")) == []
    assert moment_after(WEEK, at("2026-11-24T09:58+01:00"), 5 * MINUTE) == at("2026-11-24T10:18+01:00")
    assert moment_before(WEEK, at("2026-11-24T10:18+01:00"), 5 * MINUTE) == at("2026-11-24T09:58+01:00")
    assert moment_after(WEEK, at("2026-11-28T05:59+01:00"), 3 * MINUTE) == at("2026-11-30T06:02+01:00")
    assert moment_before(WEEK, at("2026-11-30T06:02+01:00"), 3 * MINUTE) == at("2026-11-28T05:59+01:00")


def test_without_shifts_all_time_counts() -> None:
    start = at("2026-11-24T09:58+01:00")
    assert worked(NO_SHIFTS, start, start + HOUR) == HOUR
    assert moment_after(NO_SHIFTS, start, HOUR) == start + HOUR
    assert moment_before(NO_SHIFTS, start, HOUR) == start - HOUR
    assert worked(NO_SHIFTS, start, start - HOUR) == timedelta()


def test_where_there_is_little_of_it_the_search_ends() -> None:
    start = at("2026-11-24T09:58+01:00")
    assert moment_after(SELDOM, start, 40 * MINUTE) == at("2026-12-07T06:10+01:00")
    assert moment_after(SELDOM, start, timedelta(days=30)) == start + timedelta(days=64)
    assert moment_before(SELDOM, start, timedelta(days=30)) == start - timedelta(days=64)


@settings(examples(1))
@given(
    st.sampled_from([datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, tzinfo=UTC)]),
    st.integers(0, 3 * 24 * 60),
    st.integers(1, 600),
)
def test_moments_are_those_of_a_plain_count(day: datetime, minute: int, length: int) -> None:
    """Over both changes of the clock: each minute counts that lies in a shift and in none of its breaks."""
    start = day + minute * MINUTE

    def counts(moment: datetime) -> bool:
        shift = WEEK.at(moment)
        return shift is not None and not any(first <= moment < last for first, last in shift.breaks)

    passed, end = 0, start
    while passed < length:
        passed += counts(end)
        end += MINUTE
    assert moment_after(WEEK, start, length * MINUTE) == end
    assert worked(WEEK, start, end) == length * MINUTE
    begin = moment_before(WEEK, end, length * MINUTE)
    assert begin >= start
    assert counts(begin)
    assert worked(WEEK, begin, end) == length * MINUTE
