"""How numbers are written on pages."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.languages.language import language_named
from service.period.comparison import difference

NUMBERS = language_named("en").numbers
number, per_cent = NUMBERS.number, NUMBERS.per_cent


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (-0.0, "0"),
        (40, "40"),
        (-1234567, "−1,234,567"),
        (38.123456789, "38.1235"),
        (1234.56789, "1,234.57"),
        (1234567.891, "1,234,567.89"),
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.333333"),
        (3e-7, "3e−7"),
        (-0.00012345678, "−1.235e−4"),
        (2.5e15, "2.5e15"),
        (1e290, "1e290"),
    ],
)
def test_numbers_say_what_there_is_to_say(value: float, text: str) -> None:
    assert number(value) == text


@given(st.floats(-1e290, 1e290).filter(lambda value: value == 0 or abs(value) > 1e-290))
def test_every_number_is_short_and_near(value: float) -> None:
    """Only zero is written as 0, there are at most six decimals, and four digits are right."""
    text = number(value)
    read = float(text.replace(",", "").replace("−", "-"))
    assert read == pytest.approx(value, rel=1e-3)
    assert len(text) <= 24
    assert not re.search(r"\.\d{7}", text)


def test_a_difference_is_no_noise() -> None:
    assert difference(0.1 + 0.2, 0.3) == 0
    assert number(difference(40.1, 40), sign=True) == "+0.1"
    assert difference(3e-7, 2e-7) == pytest.approx(1e-7)


def test_shares_have_a_decimal() -> None:
    assert [per_cent(one) for one in (100, 83.75, 0.004, 0, -3, 1e290)] == [
        "100.0",
        "83.8",
        "0.004",
        "0.0",
        "−3.0",
        "1e290",
    ]
