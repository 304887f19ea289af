"""Letters of other scripts are drawn, and not boxes, which look alike whatever they stand for."""

from datetime import UTC, datetime, timedelta

import pytest

from service.charts.drawing.arabic import with_arabic_font
from service.charts.drawing.draw import draw
from service.charts.drawing.picture import Picture
from service.period.bucket import Numbers
from service.period.steps import make_period

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
PERIOD = make_period(NOW - timedelta(hours=1), NOW, "15m", "UTC", NOW, 100)


def drawn(title: str) -> bytes:
    return draw(Picture(Numbers((), None), PERIOD, title, "%H:%M", width=300, height=200), "png")


@pytest.mark.parametrize(
    ("one", "other"),
    [("план", "факт"), ("קו", "שם"), ("سس", "دد"), ("План: سس", "План: دد"), ("سس, קו и Soll", "دد, קו и Soll")],
)
def test_two_words_look_different(one: str, other: str) -> None:
    assert drawn(one) != drawn(other)
    assert drawn(one) == drawn(one)


def test_only_texts_with_arabic_letters_are_in_another_font() -> None:
    svg = '<text font-family="A">Soll</text><text font-family="A"><tspan>خط</tspan><tspan>3</tspan></text>'
    assert with_arabic_font(svg) == svg.replace('"A"><tspan>', '"Rubik, A"><tspan>')
    hebrew = '<text font-family="A">קו</text>'
    assert with_arabic_font(hebrew) == hebrew
