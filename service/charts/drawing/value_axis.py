"""The value axis: how far it reaches, and where its lines and numbers stand."""

import math
from collections.abc import Iterable

import msgspec

ROUND_STEPS, OTHER_STEPS = (1, 2, 2.5, 5), (3, 4, 6, 8)
"""The first digits of the distance between two lines. The others are taken only where much less of the height is left
unused with them."""
OTHER_STEP_COST = 0.2
"""The share of the height that has to be gained for one of the others."""
SMALLEST_SPAN, LARGEST_SPAN = 1e-290, 1e290
"""Bounds beyond which an axis ends where its bars end: floating-point numbers can't express its lines any more."""


class ValueAxis(msgspec.Struct, frozen=True):
    """An axis that begins and ends with a line."""

    low: float
    high: float
    lines: tuple[float, ...]

    @property
    def span(self) -> float:
        """The difference between the two ends."""
        return self.high - self.low


def fitted_axis(values: Iterable[float], most: int) -> ValueAxis:
    """The axis that has 0 and these values on it, and is cut into at least 2 and at most so many parts."""
    low, high = _ends(values)
    if low == high:
        return ValueAxis(0, 1, (0, 0.5, 1))
    if not SMALLEST_SPAN < high - low < LARGEST_SPAN:
        return ValueAxis(low, high, tuple(sorted({low, 0, high})))
    power = math.floor(math.log10((high - low) / most))
    cuts = (_cut(low, high, unit, up) for up in (power, power + 1) for unit in ROUND_STEPS + OTHER_STEPS)
    return min((cut for cut in cuts if 2 <= cut[1] <= most), key=lambda cut: (cut[0], -cut[1]))[2]


def library_span(values: Iterable[float], parts: int) -> float:
    """The span of the axis that the drawing library makes for values, if told to end at round numbers and to cut it
    into about so many parts. Where there are several panels, each has such an axis of its own."""
    low, high = _ends(values)
    step = (high - low) / parts
    if not SMALLEST_SPAN < step < LARGEST_SPAN:
        return high - low or 1
    power = 10.0 ** math.floor(math.log10(step))
    rounded = ((10, 50), (5, 10), (2, 2))
    step = power * next((factor for factor, least in rounded if step / power >= math.sqrt(least)), 1)
    return (math.ceil(high / step) - math.floor(low / step)) * step


def _ends(values: Iterable[float]) -> tuple[float, float]:
    known = [0.0, *values]
    return min(known), max(known)


def _cut(low: float, high: float, unit: float, power: int) -> tuple[float, int, ValueAxis]:
    """The cost of the axis with this distance between its lines, how many parts it has, and the axis itself."""
    step = unit * 10.0**power
    # a value that rounding has put a hair beyond a line counts as on it
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    lines = tuple(float(f"{number * step:.12g}") for number in range(first, min(last, first + 99) + 1))
    unused = (last - first) * step / (high - low) - 1
    return (
        round(unused + OTHER_STEP_COST * (unit in OTHER_STEPS), 9),
        last - first,
        ValueAxis(lines[0], lines[-1], lines),
    )
