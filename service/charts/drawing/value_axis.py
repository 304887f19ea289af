"""The y axis: from where to where it reaches, and where its lines and numbers stand."""

import math
from collections.abc import Iterable

import msgspec

PLAIN, OTHER = (1, 2, 2.5, 5), (3, 4, 6, 8)
"""What a step between two lines begins with; the latter only where they leave much less of the height unused."""
UGLY = 0.2
"""The share of the height that this is worth."""
SMALLEST, LARGEST = 1e-290, 1e290
"""An axis that is shorter or longer ends where its bars end: the numbers between two lines can't be told any more."""


class Heights(msgspec.Struct, frozen=True):
    """An axis that ends with a line at either end."""

    low: float
    high: float
    lines: tuple[float, ...]

    @property
    def span(self) -> float:
        """From one end to the other."""
        return self.high - self.low


def fitting(values: Iterable[float], most: int) -> Heights:
    """The axis that has 0 and these values on it and is cut into 2 to so many parts."""
    low, high = _ends(values)
    if low == high:
        return Heights(0, 1, (0, 0.5, 1))
    if not SMALLEST < high - low < LARGEST:
        return Heights(low, high, tuple(sorted({low, 0, high})))
    power = math.floor(math.log10((high - low) / most))
    cuts = (_cut(low, high, unit, up) for up in (power, power + 1) for unit in PLAIN + OTHER)
    return min((cut for cut in cuts if 2 <= cut[1] <= most), key=lambda cut: (cut[0], -cut[1]))[2]


def usual(values: Iterable[float], parts: int) -> float:
    """From end to end of the axis that the drawing library makes of values, if told that it may reach beyond them to a
    round number and is cut into so many parts, about: that of one panel among others, which has a scale of its own."""
    low, high = _ends(values)
    step = (high - low) / parts
    if not SMALLEST < step < LARGEST:
        return high - low or 1
    power = 10.0 ** math.floor(math.log10(step))
    rounded = ((10, 50), (5, 10), (2, 2))
    step = power * next((factor for factor, least in rounded if step / power >= math.sqrt(least)), 1)
    return (math.ceil(high / step) - math.floor(low / step)) * step


def _ends(values: Iterable[float]) -> tuple[float, float]:
    known = [0.0, *values]
    return min(known), max(known)


def _cut(low: float, high: float, unit: float, power: int) -> tuple[float, int, Heights]:
    """What an axis with this step costs, how many parts it has, and the axis."""
    step = unit * 10.0**power
    # what is a hair beyond a line is on it
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    lines = tuple(float(f"{number * step:.12g}") for number in range(first, min(last, first + 99) + 1))
    unused = (last - first) * step / (high - low) - 1
    return round(unused + UGLY * (unit in OTHER), 9), last - first, Heights(lines[0], lines[-1], lines)
