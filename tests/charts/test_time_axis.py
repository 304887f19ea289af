"""Short labels of the time axis: times, with each date only once."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.charts.drawing.time_axis import labels
from service.charts.legible import legible_period
from service.languages.times import Times
from service.period.steps import STEPS, Period

NOW = datetime(2026, 3, 29, 14, 20, tzinfo=UTC)


def period(start: str, zone: str = "Europe/Berlin", width: int = 960) -> Period:
    return legible_period(start, None, None, zone, NOW, width)


def short(made: Period, width: float = 900) -> list[str]:
    return list(labels(made, width, "%Y", 11, Times(), short=True).values())


def test_the_first_has_its_date_and_the_others_need_none() -> None:
    texts = short(period("-6h"))
    assert texts[0].endswith("\nSun 29 Mar")
    assert len(texts) > 8
    assert all(text.count(":") == 1 and len(text) == 5 for text in texts[1:])


def test_midnight_has_the_new_date() -> None:
    assert [text for text in short(period("-24h")) if "\n" in text][1:] == ["00:00\nSun 29 Mar"]


def test_of_days_there_are_dates_alone() -> None:
    texts = short(period("-7d"), 600)
    assert texts[-1] == "Sun 29 Mar"
    assert not any(":" in text for text in texts)


@given(
    hours=st.integers(1, 24 * 30),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe"]),
    width=st.integers(230, 1900),
    later=st.integers(0, 10**7),
)
def test_whoever_reads_from_the_left_knows_every_date(hours: int, zone: str, width: int, later: int) -> None:
    made = legible_period(f"-{hours}h", None, None, zone, NOW + timedelta(seconds=later), width)
    found = labels(made, width, "%Y", 11, Times(), short=True)
    known = None
    assert found
    for at, text in found.items():
        begin = datetime.fromtimestamp(at / 1000 - STEPS[made.step] / 2, ZoneInfo(zone))
        day = f"{begin:%a} {begin.day} {begin:%b}"
        known = text.split("\n")[-1] if not text[0].isdigit() or "\n" in text else known
        if begin.date() == datetime.fromtimestamp(at / 1000 - 1, ZoneInfo(zone)).date():
            assert known == day


@pytest.mark.parametrize("width", [230, 300])
def test_on_a_phone_there_are_still_several(width: int) -> None:
    assert len(short(period("-1h", width=width + 60), width)) >= 3
