"""Which language somebody reads best, by the header of the browser."""

import re

from service.languages.language import ENGLISH, languages

MOST_READ = 1000
"""The most characters of a header that are read."""


def best_language(accept_language: str) -> str:
    """The code of the language that an Accept-Language header likes best, with `de` for `de-AT`; English where it likes
    none that there is.

    RFC 9110, 12.5.4; the lookup is that of RFC 4647, 3.4.
    """
    liked = sorted(_read(accept_language[:MOST_READ]), key=lambda one: -one[1])
    for tag, quality in liked:
        parts = tag.split("-")
        for length in range(len(parts), 0, -1):
            found = _known("-".join(parts[:length]))
            if quality > 0 and found:
                return found
    return ENGLISH


def _read(header: str) -> list[tuple[str, float]]:
    """The tags with their qualities, in the order of the header; what isn't one is skipped."""
    found = []
    for part in header.split(","):
        match = re.fullmatch(
            r"\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?)\s*)?", part, re.ASCII
        )
        if match is not None:
            found.append((match[1].lower(), float(match[2] or 1)))
    return found


def _known(tag: str) -> str | None:
    return next((code for code in languages() if code.replace("_", "-").lower() == tag), None)
