"""Finds the sentences that errors say where they are raised without one, their docstrings, for the catalogues."""

from collections.abc import Iterator
from typing import Any

from service.errors import StartError, TaktlineError


def extract(fileobj: Any, keywords: Any, comment_tags: Any, options: Any) -> Iterator[tuple[int, None, str, list[str]]]:
    """Babel's way of asking for the texts of a file, which is service/errors.py."""
    for error in _kinds(TaktlineError):
        if not issubclass(error, StartError) and error.__module__ == StartError.__module__:
            yield 0, None, (error.__doc__ or "").strip(), []


def _kinds(error: type[TaktlineError]) -> Iterator[type[TaktlineError]]:
    for kind in error.__subclasses__():
        yield kind
        yield from _kinds(kind)
