"""How a language writes numbers and dates."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.languages.directions import isolated
from service.languages.language import language_named
from service.languages.numbers import Numbers
from service.languages.sentence import sentence

BERLIN = ZoneInfo("Europe/Berlin")
MOMENT = datetime(2026, 3, 1, 14, 5, 6, tzinfo=UTC)
NBSP = "\N{NO-BREAK SPACE}"


def numbers(code: str) -> Numbers:
    return language_named(code).numbers


@pytest.mark.parametrize(
    ("value", "german", "russian"),
    [
        (1234.5, "1.234,5", f"1{NBSP}234,5"),
        (-1234567.891, "−1.234.567,89", f"−1{NBSP}234{NBSP}567,89"),
        (0.1, "0,1", "0,1"),
        (2.5e15, "2,5e15", "2,5e15"),
        (-3.5e-7, "−3,5e−7", "−3,5e−7"),
        (0, "0", "0"),
    ],
)
def test_numbers_have_the_signs_of_the_language(value: float, german: str, russian: str) -> None:
    assert (numbers("de").number(value), numbers("ru").number(value)) == (german, russian)


@given(st.floats(-1e290, 1e290).filter(lambda value: value == 0 or abs(value) > 1e-290), st.sampled_from(["de", "ru"]))
def test_only_the_signs_differ(value: float, code: str) -> None:
    """The digits are those of English, so that every language rounds alike."""
    found = numbers(code).number(value).replace(".", "").replace(NBSP, "").replace(",", ".")
    assert found == numbers("en").number(value).replace(",", "")


def test_shares_and_rounded_numbers() -> None:
    german = numbers("de")
    assert (german.per_cent(97.25), german.rounded(12345.6, sign=True), german.whole(1234567)) == (
        "97,2",
        "+12.346",
        "1.234.567",
    )


@pytest.mark.parametrize(
    ("code", "day", "short", "long"),
    [
        ("en", "2026-03-01", "Sun 1 Mar", "Sunday 1 March"),
        ("de", "01.03.2026", "So., 1. März", "Sonntag, 1. März"),
        ("ru", "01.03.2026", "вс, 1 мар.", "воскресенье, 1 марта"),
    ],
)
def test_dates(code: str, day: str, short: str, long: str) -> None:
    times = language_named(code).times
    assert times.day(MOMENT, BERLIN) == times.calendar_day(date(2026, 3, 1)) == day
    assert times.moment(MOMENT, BERLIN) == f"{day} 15:05:06"
    assert (times.short_day(MOMENT, BERLIN), times.long_day(MOMENT, BERLIN)) == (short, long)


def test_names_in_a_time_format_are_those_of_the_language() -> None:
    russian, german = language_named("ru").times, language_named("de").times
    assert russian.strftime(MOMENT, "%d %B, %A") == "01 марта, воскресенье"
    assert russian.strftime(MOMENT, "%B %Y") == "март 2026"
    assert german.strftime(MOMENT, "%a %H:%M, 100%% %^b") == "So 14:05, 100% MÄR"
    assert language_named("en").times.strftime(MOMENT, "%a %d %B") == "Sun 01 March"


def test_russian_has_three_plurals() -> None:
    russian = language_named("ru")
    said = [russian.ngettext("%(num)s day", "%(num)s days", number) for number in (1, 2, 5, 11, 21, 1000)]
    assert said == ["1 день", "2 дня", "5 дней", "11 дней", "21 день", f"1{NBSP}000 дней"]


def test_a_sentence_is_said_in_another_language_with_its_values() -> None:
    wrong = sentence("%(value)s isn't a time.", value="'now<'")
    assert wrong == "'now<' isn't a time."
    assert language_named("de").say(wrong) == "'now<' ist keine Zeitangabe."
    assert language_named("de").say(sentence("%(name)s: %(detail)s.", name="from", detail=wrong)) == (
        "from: 'now<' ist keine Zeitangabe.."
    )
    assert language_named("de").say("100 % of something else") == "100 % of something else"
    assert language_named("de").say("") == ""


def test_a_name_from_right_to_left_is_kept_together() -> None:
    assert isolated("line 1") == "line 1"
    assert isolated("Früh") == "Früh"
    assert isolated("קו 7") == "\u200eקו 7\u200e"
