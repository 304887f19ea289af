"""The colours of charts can be told apart by people who see no red, no green or no blue, and on paper without colours.

The simulation is that of Machado, Oliveira and Fernandes, "A Physiologically-based Model for Simulation of Color Vision
Deficiency" (2009), at full severity, in linear RGB. Differences are CIE76 in CIELAB: 2.3 are just noticeable.
"""

import math
from itertools import combinations

import pytest

from service.charts.drawing.themes import THEMES, Theme, outlines, palette

Rgb = tuple[float, float, float]

SEEN = {
    "all": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "no red": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "no green": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    "no blue": ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
    "grey": ((0.2126, 0.7152, 0.0722),) * 3,
}
XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
WHITE = (0.9505, 1.0, 1.089)


def linear(colour: str) -> Rgb:
    red, green, blue = (byte / 255 for byte in bytes.fromhex(colour[1:]))
    return _linear(red), _linear(green), _linear(blue)


def _linear(value: float) -> float:
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def times(matrix: tuple[tuple[float, ...], ...], colour: Rgb) -> Rgb:
    one, two, three = (sum(a * b for a, b in zip(row, colour, strict=True)) for row in matrix)
    return one, two, three


def lab(colour: str, seen: str) -> Rgb:
    rgb = times(SEEN[seen], linear(colour))
    clipped = (min(1, max(0, rgb[0])), min(1, max(0, rgb[1])), min(1, max(0, rgb[2])))
    x, y, z = (_cube_root(a / b) for a, b in zip(times(XYZ, clipped), WHITE, strict=True))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def _cube_root(value: float) -> float:
    return value ** (1 / 3) if value > 0.008856 else 7.787 * value + 16 / 116


def difference(one: str, other: str, seen: str) -> float:
    return math.dist(lab(one, seen), lab(other, seen))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2."""
    dark, light = sorted(times(XYZ, linear(colour))[1] for colour in (one, other))
    return (light + 0.05) / (dark + 0.05)


def named(theme: Theme) -> dict[str, str]:
    return {"plan": theme.plan, "fact": theme.fact, "below": theme.below, "background": theme.background}


@pytest.mark.parametrize("seen", list(SEEN))
@pytest.mark.parametrize("name", list(THEMES))
def test_what_means_something_else_looks_different(name: str, seen: str) -> None:
    least = 10 if seen == "grey" else 20
    for (one, first), (other, second) in combinations(named(THEMES[name]).items(), 2):
        assert difference(first, second, seen) > least, (one, other)


@pytest.mark.parametrize("name", list(THEMES))
def test_plan_is_quieter_than_fact(name: str) -> None:
    theme = THEMES[name]
    assert contrast(theme.plan, theme.background) < contrast(theme.fact, theme.background) / 2


@pytest.mark.parametrize("name", list(THEMES))
def test_whatever_means_something_stands_out_from_what_it_lies_on(name: str) -> None:
    """WCAG 2.2, 1.4.11, requires a contrast of 3 to 1 for graphics. The line of a plan also lies on bars of facts."""
    theme = THEMES[name]
    for colour in (theme.plan, theme.fact, theme.below, *outlines(theme).values()):
        assert contrast(colour, theme.background) >= 3
    assert contrast(theme.plan, theme.fact) >= 3


@pytest.mark.parametrize("seen", list(SEEN))
@pytest.mark.parametrize("name", list(THEMES))
def test_an_outline_is_no_solid_bar_on_paper_either(name: str, seen: str) -> None:
    theme = THEMES[name]
    for kind, outline in outlines(theme).items():
        inside = palette(theme)[kind]
        assert abs(lab(outline, seen)[0] - lab(inside, seen)[0]) > 20, kind
        for solid in (theme.plan, theme.fact, theme.below):
            assert difference(inside, solid, seen) > 20, kind


@pytest.mark.parametrize("seen", list(SEEN))
@pytest.mark.parametrize("name", list(THEMES))
def test_fact_and_what_is_below_plan_differ_in_lightness_too(name: str, seen: str) -> None:
    theme = THEMES[name]
    assert abs(lab(theme.fact, seen)[0] - lab(theme.below, seen)[0]) > 14


@pytest.mark.parametrize("name", list(THEMES))
def test_texts_can_be_read(name: str) -> None:
    theme = THEMES[name]
    assert contrast(theme.ink, theme.background) > 7
    assert contrast(theme.muted, theme.background) > 4.5
    assert contrast(theme.fact, theme.background) > 4.5
    assert contrast(theme.below, theme.background) > 3
