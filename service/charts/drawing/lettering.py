"""Measures how wide texts are, and wraps and cuts them to fit."""

import unicodedata
from functools import lru_cache

from service.languages.directions import LEFT_TO_RIGHT_MARK

_WIDTHS = {
    0.24: "'",
    0.28: " ,./I\\ijl|¦·ıſΙιІіј‘’‚",
    0.34: "!()-:;[]`ft¡¨²³´¸¹łŧ",
    0.4: "*r{}ª°º•",
    0.45: "ξτгґ",
    0.5: '"zεζзктҐ“”„',
    0.56: "#$0123456789J_aceksvxy¢£¤¥§«¯±¶»÷ĸγθκλνςасухэєѕ–€",
    0.62: "+<=>?FLTZ^bdghnopqu~¬µ¿×ßðøþđħŁŋŦΓΖΤαβδημουχГКТвинопрцчьяђћџ−",
    0.67: "EPSVXYÞΕΛΞΡΣΥΧρЅЕЗРУХбдл",
    0.73: "&ABCDHKNRUÐĐĦŊΑΒΔΗΚΝΠσφЄЏАБВДИЛНПСЧЬЭЯж",
    0.78: "GOQw©®ØΘΟπψОЦмъ",
    0.86: "M¼½¾ΜΦΨΩωМФшщыю",
    0.89: "%mæЂЋЪф",
    0.95: "WœЖњ",
    1.0: "ÆŒЫљ—…",
    1.12: "@ЉЊШЩЮ№",
}
"""Width as a share of the font size -> characters of bold Liberation Sans, and so of Arial and Helvetica. Only a few of
them are narrower where they aren't bold. An accent adds nothing."""
_WIDTH_OF = {char: width for width, chars in _WIDTHS.items() for char in chars}
_CJK_WIDTH, _OTHER_WIDTH = 1.0, 0.75
"""The widths of Chinese, Japanese and Korean characters, and, generously, of all that aren't listed."""
_NARROWEST_CHAR = 0.2
"""What would not fit even if every character were as narrow as this is cut off before anything is measured."""


def width_of(text: str, size: float) -> float:
    """The pixels that a text takes at most, whether bold or not."""
    return size * sum(map(_share, text))


def is_measured(text: str) -> bool:
    """Whether the width of every character is known, rather than guessed."""
    return all(map(_known_share, text))


def clean(text: str) -> str:
    """The text on one line, without characters that can't be drawn or aren't allowed in XML."""
    return "".join(
        char if char.isprintable() or char == LEFT_TO_RIGHT_MARK else "\N{REPLACEMENT CHARACTER}"
        for char in " ".join(text.split())
    )


def wrapped(text: str, width: float, size: float, most: int) -> list[str]:
    """The text in at most so many lines; an ellipsis stands for what is cut off."""
    lines: list[str] = []
    rest = clean(" ".join(text.split())[: int(most * width / (_NARROWEST_CHAR * size)) + 1])
    while rest:
        line = _fitting(rest, width, size)
        if len(lines) == most - 1 or line == rest:
            return [*lines, _cut(rest, width, size)]
        # break the line at a space, if it has one
        line = line[: line.rfind(" ")] if " " in line.rstrip() and rest[len(line)] != " " else line
        lines.append(line.rstrip())
        rest = rest[len(line) :].lstrip()
    return lines


def _cut(text: str, width: float, size: float) -> str:
    return text if _fitting(text, width, size) == text else _fitting(text, width - size, size).rstrip() + "…"


def _fitting(text: str, width: float, size: float) -> str:
    """As much of the beginning as fits, but at least one character."""
    taken = 0.0
    for end, char in enumerate(text):
        taken += size * _share(char)
        if taken > width and end:
            return text[:end]
    return text


@lru_cache(maxsize=4096)
def _share(char: str) -> float:
    known = _known_share(char)
    if known is None:
        return 0.0 if unicodedata.category(char) in ("Mn", "Me") or char == LEFT_TO_RIGHT_MARK else _OTHER_WIDTH
    return known


def _known_share(char: str) -> float | None:
    if unicodedata.east_asian_width(char) in "WF":
        return _CJK_WIDTH
    return _WIDTH_OF.get(char) or _WIDTH_OF.get(unicodedata.normalize("NFD", char)[0])
