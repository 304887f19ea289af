"""Keeps results by what clients have sent, as long as that is short: with long texts, a cache that has a limit of
entries alone would take any amount of memory."""

from collections.abc import Callable
from functools import lru_cache, update_wrapper
from typing import Concatenate, ParamSpec, TypeVar

SHORT = 2000
"""The most characters of a text by which a result is kept."""

P = ParamSpec("P")
R = TypeVar("R")
OfText = Callable[Concatenate[str, P], R]


def kept_by_short_text(entries: int) -> Callable[[OfText[P, R]], OfText[P, R]]:
    """Keep the newest results of a function whose first argument is a text, where that is short."""

    def decorate(function: OfText[P, R]) -> OfText[P, R]:
        kept = lru_cache(entries)(function)

        def answer(text: str, /, *args: P.args, **kwargs: P.kwargs) -> R:
            if len(text) > SHORT:
                return function(text, *args, **kwargs)
            return kept(text, *args, **kwargs)  # type: ignore[arg-type]

        update_wrapper(answer, function)
        return answer

    return decorate
