"""What a grant covers."""

from hypothesis import given
from hypothesis import strategies as st

from service.access.grants import OPEN, Grant, Scope, matches


def test_a_star_stands_for_any_text_and_nothing_else_is_special() -> None:
    assert matches("line *", "line 1")
    assert matches("line *", "line ")
    assert matches("*", "")
    assert matches("*/press/*", "hall 2/press/left\nright")
    assert not matches("line *", "Line 1")
    assert not matches("line", "line 1")
    assert not matches("l.ne [1-3]?", "line 1")


@given(st.text(), st.text(), st.text())
def test_what_begins_and_ends_as_the_pattern_does_matches(first: str, between: str, last: str) -> None:
    if "*" not in first + last:
        assert matches(f"{first}*{last}", first + between + last)
        assert matches(f"{first}*{last}", first + last)


def test_a_grant_covers_the_series_of_any_of_its_patterns() -> None:
    grant = Grant("hall 2", frozenset({Scope.READ}), key=1, series=("line *", "press"))
    assert [name for name in ("line 7", "press", "press 2", "oven") if grant.covers(name)] == ["line 7", "press"]
    assert OPEN.covers("oven")
    assert not grant.may(Scope.WRITE)
