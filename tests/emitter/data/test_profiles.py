"""Generated test data looks like that of working days."""

import itertools
from datetime import UTC, datetime

from emitter.data.profiles import DAY, HOUR, MINUTE, Profile
from emitter.data.times import to_milliseconds

WEDNESDAY = to_milliseconds(datetime(2026, 3, 18, tzinfo=UTC))


def test_a_profile_gives_the_same_readings_at_any_slicing() -> None:
    profile = Profile(7, "press 1")
    whole = list(profile.between(WEDNESDAY, WEDNESDAY + 6 * HOUR, 10_000))
    edges = [WEDNESDAY, WEDNESDAY + 1, WEDNESDAY + 59_999, WEDNESDAY + HOUR + 7, WEDNESDAY + 6 * HOUR]
    sliced = [reading for start, end in itertools.pairwise(edges) for reading in profile.between(start, end, 10_000)]
    assert sliced == whole
    assert Profile(7, "press 1").at(WEDNESDAY + 30_000) == profile.at(WEDNESDAY + 30_000)


def test_a_profile_never_changes_without_its_version() -> None:
    reading = Profile(0, "sample").at(WEDNESDAY + 10 * HOUR)
    assert reading is not None
    assert (reading.plan, reading.fact) == (45, 35), "raise profiles.VERSION"


def test_seed_and_series_make_other_profiles() -> None:
    histories = {
        tuple(reading.fact for reading in Profile(seed, series).between(WEDNESDAY, WEDNESDAY + HOUR, 10_000))
        for seed, series in ((1, "a"), (2, "a"), (1, "b"))
    }
    assert len(histories) == 3


def test_a_profile_looks_like_a_day_at_work() -> None:
    readings = list(Profile(3, "line").between(WEDNESDAY, WEDNESDAY + DAY, MINUTE))
    plans = [reading.plan or 0 for reading in readings]
    facts = [reading.fact or 0 for reading in readings]
    assert all(plan % 5 == 0 and plan > 0 for plan in plans)
    assert min(facts) >= 0
    assert 0.8 < sum(facts) / sum(plans) < 1.05
    assert any(fact < plan / 2 for plan, fact in zip(plans, facts, strict=True)), "no jam all day"
    assert len(readings) == 24 * 60 - 3 * 60, "an hour of breaks in each shift"


def test_the_last_two_hours_always_show_a_break() -> None:
    profile = Profile(0, "sample")
    for start in range(WEDNESDAY, WEDNESDAY + DAY, 20 * MINUTE):
        assert len(list(profile.between(start, start + 2 * HOUR, MINUTE))) < 120
