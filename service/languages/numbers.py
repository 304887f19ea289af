"""Numbers as a language writes them, for people: few digits, separated thousands, and a true minus sign."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from babel import Locale

KEPT = 4096
"""The texts that are kept: a page says the same numbers again and again."""


class Numbers:
    """Writes numbers for a locale of Babel's, or in English, for which Babel needn't be loaded."""

    def __init__(self, locale: "Locale | None" = None) -> None:
        self.localised = lru_cache(KEPT)(_local(locale)) if locale else _as_it_is
        """A number that is written in English -> the same as the language writes it."""

    def number(self, value: float, *, sign: bool = False) -> str:
        """Six digits and at least two decimals, without trailing zeros. What is less than a thousandth, or has more
        than fifteen digits before the point, gets a power of ten."""
        size = abs(value)
        if value and not 1e-3 <= size < 1e15:
            digits, _, power = f"{value:.3e}".partition("e")
            text = f"{digits.rstrip('0').rstrip('.')}e{int(power)}"
        else:
            decimals = max(2, 6 - len(str(int(size)))) if size >= 1 else 6
            text = f"{value:,.{decimals}f}".rstrip("0").rstrip(".")
        text = "0" if text == "-0" else self.localised(text.replace("-", "−"))
        return f"+{text}" if sign and value > 0 else text

    def rounded(self, value: float, *, sign: bool = False) -> str:
        """As `number`, but with one decimal below a hundred and none above: to be read from afar."""
        size = abs(value)
        return self.number(value if not 1e-3 <= size < 1e15 else round(value, 0 if size >= 100 else 1), sign=sign)

    def per_cent(self, share: float) -> str:
        """A share in per cent, with one decimal; as `number` writes it where it is very small or very large."""
        if share == 0 or 0.1 <= abs(share) < 1e6:
            return self.localised(f"{share:,.1f}".replace("-", "−"))
        return self.number(share)

    def whole(self, number: int) -> str:
        """A whole number."""
        return self.localised(f"{number:,}")


def vega_locale(locale: "Locale") -> dict[str, Any]:
    """The same for the drawing library: https://d3js.org/d3-format#formatLocale."""
    from babel.numbers import get_decimal_symbol, get_group_symbol

    groups = locale.decimal_formats[None].grouping
    return {
        "decimal": get_decimal_symbol(locale),
        "thousands": get_group_symbol(locale),
        "grouping": [groups[0]] if groups[0] == groups[1] else [groups[0], *[groups[1]] * 5],
        "currency": ["", ""],
    }


def _as_it_is(text: str) -> str:
    return text


def _local(locale: "Locale") -> Any:
    from babel.numbers import format_decimal, get_decimal_symbol

    def written(text: str) -> str:
        digits, power, exponent = text.partition("e")
        sign = digits[:1] if digits[:1] in ("−", "-") else ""
        whole, point, decimals = digits.removeprefix(sign).replace(",", "").partition(".")
        grouped = format_decimal(int(whole), locale=locale) if whole.isdecimal() else whole
        return f"{sign}{grouped}{get_decimal_symbol(locale) if point else ''}{decimals}{power}{exponent}"

    return written
