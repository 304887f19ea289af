"""Keeps results by what clients have sent, as long as that is short: with long texts, a cache that has a limit of
entries alone would take any amount of memory."""

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import ParamSpec, TypeVar

SHORT = 2000
"""The most characters of a text by which a result is kept."""

P = ParamSpec("P")
R = TypeVar("R")


def kept_by_short_key(entries: int, characters: Callable[P, int]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Keep the newest results of a function for arguments that have few characters, as `characters` counts them."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        kept = lru_cache(entries)(function)

        @wraps(function)
        def answer(*args: P.args, **kwargs: P.kwargs) -> R:
            if characters(*args, **kwargs) > SHORT:
                return function(*args, **kwargs)
            return kept(*args, **kwargs)  # type: ignore[arg-type]

        return answer

    return decorate
