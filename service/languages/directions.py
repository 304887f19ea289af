"""Texts that are written from right to left, within others."""

import unicodedata

LEFT_TO_RIGHT_MARK = "\u200e"
"""An invisible letter that is written from left to right. Unlike the marks of isolates, fonts have it, and so whatever
draws the text."""


def isolated(text: str) -> str:
    """A text of somebody's, to be put into another text: between marks where it has letters that are written from right
    to left, so that it doesn't mix up what stands beside it."""
    return f"{LEFT_TO_RIGHT_MARK}{text}{LEFT_TO_RIGHT_MARK}" if is_right_to_left(text) else text


def is_right_to_left(text: str) -> bool:
    """Whether any letter of the text is written from right to left."""
    return not text.isascii() and any(unicodedata.bidirectional(char) in ("R", "AL") for char in text)
