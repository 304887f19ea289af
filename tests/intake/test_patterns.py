"""Regular expressions mean the same on every Python version that Taktline supports."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
_ASIDE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
"""Escaped characters and character sets, in which a plus isn't a quantifier."""


def patterns(path: Path) -> Iterator[str]:
    """The string literals in a module's arguments to functions of `re`."""
    for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("re.") and call.args:
            for piece in ast.walk(call.args[0]):
                if isinstance(piece, ast.Constant):
                    yield piece.value.decode() if isinstance(piece.value, bytes) else str(piece.value)


def gives_nothing_back(pattern: str) -> bool:
    """Whether a pattern has a possessive quantifier or an atomic group."""
    return re.search(r"[?*+}]\+|\(\?>", _ASIDE.sub("x", pattern)) is not None


@pytest.mark.parametrize("pattern", ["a?+", "(?:ab)*+", "[0-9]++", "a{2}+", "(?>ab)"])
def test_they_are_recognized(pattern: str) -> None:
    assert gives_nothing_back(pattern)
    assert not gives_nothing_back(r"a+ [?+]+ [^]+*+]* \++ (?:a|\?)+")


def test_nothing_possessive_and_nothing_atomic() -> None:
    """Before Python 3.11.5 such a group may match too much: on Debian 12, `1e` was taken for a number
    (python/cpython#106052)."""
    found = [(path.name, one) for part in ("service", "emitter") for path in (ROOT / part).rglob("*.py")
             for one in patterns(path)]  # fmt: skip
    assert len(found) > 30
    assert [one for one in found if gives_nothing_back(one[1])] == []
