"""What a caller may do: its scopes, and the series that it may write and see."""

from collections.abc import Iterable
from enum import Enum

import msgspec


class Scope(Enum):
    """What a key may be for."""

    READ = "read"
    WRITE = "write"
    CORRECT = "correct"
    """Change and delete readings, and write them."""
    ADMIN = "admin"
    """Everything, the keys included."""


ALL_SCOPES = frozenset(Scope)
_IMPLIED = {Scope.ADMIN: ALL_SCOPES, Scope.CORRECT: frozenset({Scope.CORRECT, Scope.WRITE})}


def implied(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """These scopes with those that they imply: who may correct may write, and admin may do everything. Who may write
    may not read, so that a sensor's key tells nothing where it is found."""
    return frozenset[Scope]().union(*(_IMPLIED.get(scope, {scope}) for scope in scopes))


class Grant(msgspec.Struct, frozen=True):
    """What one caller may do, whether by a key or without one.

    `key` is the id of the key, or None for callers without one. `series` has the patterns of the series that it may
    write and see, in which `*` stands for any text; None stands for all series. `rate` is the most readings a second,
    or None where the setting INGEST_RATE applies.
    """

    name: str
    scopes: frozenset[Scope]
    key: int | None = None
    series: tuple[str, ...] | None = None
    rate: float | None = None

    def may(self, scope: Scope) -> bool:
        """Whether this scope is granted."""
        return scope in self.scopes

    def may_any(self, scopes: tuple[Scope, ...]) -> bool:
        """Whether one of these scopes is granted. They are compared one by one, since an Enum's hash costs more."""
        for one in scopes:
            for mine in self.scopes:
                if mine is one:
                    return True
        return False

    @property
    def is_everybodys(self) -> bool:
        """Whether everybody sees what this caller sees, so that caches may keep it for others."""
        return self.key is None and self.series is None

    def covers(self, series: str) -> bool:
        """Whether this series may be written and seen."""
        return self.series is None or any(matches(pattern, series) for pattern in self.series)


OPEN = Grant("anonymous", ALL_SCOPES)
"""What everybody may do while there are no keys."""
NOBODY = Grant("nobody", frozenset())
"""What callers may do of whom nothing is known: nothing."""


def matches(pattern: str, series: str) -> bool:
    """Whether the name of a series matches a pattern, in which `*` stands for any text and nothing else is special.

    It takes time in proportion to the name, whatever the pattern: a regular expression of many stars may take for ever.
    """
    first, *between = pattern.split("*")
    if not between:
        return series == pattern
    last = between.pop()
    place, end = len(first), len(series) - len(last)
    if place > end or not (series.startswith(first) and series.endswith(last)):
        return False
    for part in between:  # it is enough to look for the first place of each, since any text may follow
        found = series.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True
