"""Large numbers in a picture, abbreviated: on the value axis, and in texts."""

import msgspec

from service.languages.language import ENGLISH, Language

ENGLISH_NUMBER = (
    "datum.value === 0 ? '0'"
    " : abs(datum.value) >= 1e15 || abs(datum.value) < 1e-3 ? format(datum.value, '.2~e')"
    " : abs(datum.value) >= 1000 ? format(datum.value, '.4~s')"
    " : format(datum.value, '~r')"
)
"""A Vega expression that writes thousands as 1.5k and millions as 2M, but a tenth as 0.1 and not as 100m."""


def axis_number(language: Language) -> str:
    """A Vega expression that writes the numbers of an axis. Other languages than English have no short word for a
    thousand, so that numbers up to a million are written in full."""
    if language.code == ENGLISH:
        return ENGLISH_NUMBER
    written = "datum.value === 0 ? '0' : abs(datum.value) >= 1e15 || abs(datum.value) < 1e-3"
    written += " ? format(datum.value, '.2~e')"
    for unit, sign in _units(language):
        text = msgspec.json.encode(sign).decode()
        written += f" : abs(datum.value) >= {unit:g} ? format(datum.value / {unit:g}, '.4~r') + {text}"
    return f"{written} : format(datum.value, ',~r')"


def abbreviated(number: float, language: Language) -> str:
    """The number as on the axis, where that is exact."""
    for unit, sign in _units(language):
        if unit <= number < 1000 * unit and f"{number / unit:.4g}" == f"{number / unit:.15g}":
            return f"{language.numbers.localised(f'{number / unit:.4g}')}{sign}"
    return language.numbers.localised(f"{number:.15g}")


def _units(language: Language) -> list[tuple[float, str]]:
    """The numbers that are abbreviated, the largest first, and what stands behind so many of them."""
    units = [
        (1e12, language.pgettext("after a number", "T")),
        (1e9, language.pgettext("after a number", "G")),
        (1e6, language.pgettext("after a number", "M")),
    ]
    return [*units, (1e3, "k")] if language.code == ENGLISH else units
