"""Hours and days whose steps are kept."""

from datetime import UTC, datetime

import pytest

from service.errors import BadRequest
from service.languages.language import language_named
from service.period.open_hours import OpenHours, open_hours, read_days, read_hours
from service.period.steps import MOST_SIFTED, Period, make_period

NOW = datetime(2026, 11, 27, 10, 20, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def hours(text: str | None, days: str | None = None) -> OpenHours | None:
    return open_hours(text and read_hours("hours", text), days and read_days("days", days))  # type: ignore[arg-type]


def kept(start: str, end: str, step: str, asked: OpenHours | None, zone: str = BERLIN) -> list[str]:
    """The day and the hour at which each step begins that is kept."""
    made = make_period(start, end, step, zone, NOW, 1500, asked)
    return [f"{at.astimezone(datetime.fromisoformat('2026-01-01T00:00+01:00').tzinfo):%a %H}" for at, _ in made.kept]


@pytest.mark.parametrize(
    ("asked", "texts", "words"),
    [
        (("06:00-22:00", "mon-fri"), ("06:00-22:00", "mon-fri"), "06:00 to 22:00, Mon to Fri"),
        (("6:00-24:00", "fri,mon-wed"), ("06:00-24:00", "mon-wed,fri"), "06:00 to 24:00, Mon to Wed, Fri"),
        (("22:00-06:00", None), ("22:00-06:00", None), "22:00 to 06:00"),
        ((None, "SUN"), (None, "sun"), "Sun"),
    ],
)
def test_they_are_said_as_they_are_asked_for(
    asked: tuple[str | None, str | None], texts: tuple[str | None, str | None], words: str
) -> None:
    made = hours(*asked)
    assert made is not None
    assert (made.hours_text, made.days_text) == texts
    assert made.in_words(language_named("en")) == words


def test_of_whole_days_and_all_days_nothing_is_left_out() -> None:
    assert hours("00:00-24:00", "mon-sun") is None
    assert hours(None, None) is None


@pytest.mark.parametrize(("text", "named"), [("6-22", "6-22"), ("25:00-26:00", "25:00"), ("", "''"), ("x", "'x'")])
def test_what_is_no_hours_is_refused(text: str, named: str) -> None:
    with pytest.raises(BadRequest, match=r"write them like 06:00-22:00") as caught:
        read_hours("hours", text)
    assert caught.value.faults[0].field == "hours"
    assert named in caught.value.detail
    with pytest.raises(BadRequest, match="write them like mon-fri,sun"):
        read_days("days", text)


def test_hours_over_midnight_belong_to_the_day_on_which_they_begin() -> None:
    made = kept("2026-11-20T00:00", "2026-11-23T12:00", "1h", hours("22:00-02:00", "fri,sun"))
    assert made == ["Fri 22", "Fri 23", "Sat 00", "Sat 01", "Sun 22", "Sun 23", "Mon 00", "Mon 01"]


def test_an_hour_that_comes_twice_is_kept_twice() -> None:
    assert kept("2026-10-25T00:00", "2026-10-25T06:00", "1h", hours("02:00-04:00")) == ["Sun 01", "Sun 02", "Sun 03"]
    assert kept("2026-03-29T00:00", "2026-03-29T06:00", "1h", hours("02:00-04:00")) == ["Sun 02"]


def test_days_are_kept_whole() -> None:
    assert len(kept("2026-11-02", "2026-11-30", "1d", hours(None, "mon-fri"))) == 20


@pytest.mark.parametrize(
    ("asked", "step", "said"),
    [
        (("06:00-22:00", None), "6h", "6h is too long to be within hours; allowed are 1m, 5m, 15m, 30m, 1h"),
        (("06:00-22:00", "mon"), "1d", "1d is too long to be within hours"),
        ((None, "mon"), "1w", "1w is too long to be within days; allowed are 1m, 5m, 15m, 30m, 1h, 6h, 1d"),
    ],
)
def test_steps_that_are_too_long_are_refused(asked: tuple[str | None, str | None], step: str, said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        make_period("-30d", None, step, BERLIN, NOW, 240, hours(*asked))


def test_only_what_is_kept_counts_when_the_step_is_chosen() -> None:
    assert make_period("-24h", None, None, BERLIN, NOW, 240).step == "15m"
    assert make_period("-24h", None, None, BERLIN, NOW, 240, hours("06:00-22:00")).step == "5m"
    long = make_period("-100y", None, None, BERLIN, NOW, 240, hours("06:00-06:01"))
    assert (long.step, long.count > MOST_SIFTED) == ("1h", True)


def test_the_line_of_now_is_there_while_something_is_to_come() -> None:
    def line(until: str) -> datetime | None:
        return make_period("2026-11-27", until, "1h", "UTC", NOW, 240, hours("06:00-10:00")).line_at(NOW)

    assert line("2026-11-28") is None
    assert line("2026-11-29") == NOW


def test_a_period_without_a_step_within_the_hours() -> None:
    made = make_period("2026-11-28", "2026-11-29", "1h", "UTC", NOW, 240, hours(None, "mon-fri"))
    assert (made.kept, made.count, made.line_at(NOW), isinstance(made, Period)) == ((), 0, None, True)
