"""Sessions and signed links: what was signed is read, and nothing else."""

import time
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.signatures import Signatures, Signed, unsigned

OURS, THEIRS = Signatures(b"x" * 32), Signatures(b"y" * 32)
SIGNED = Signed(7, int(time.time()) + 3600)
PARAMETERS = st.lists(
    st.tuples(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1), st.text(st.characters(exclude_categories=["Cs"]))
    ),
    max_size=5,
)


def test_a_session_is_read_as_it_was_signed() -> None:
    text = OURS.session(SIGNED)
    assert OURS.read_session(text) == SIGNED
    assert THEIRS.read_session(text) is None
    key, until, signature = text.split(".")
    for other in (
        f"8.{until}.{signature}",
        f"{key}.{int(until) + 1}.{signature}",
        f"{key}.{until}.",
        key,
        "",
        "..",
        "é",
    ):
        assert OURS.read_session(other) is None


def test_when_it_ends() -> None:
    assert not SIGNED.has_ended
    assert Signed(7, int(time.time()) - 1).has_ended


@given(PARAMETERS)
def test_a_link_is_read_as_it_was_signed_in_any_order(pairs: list[tuple[str, str]]) -> None:
    pairs = [pair for pair in pairs if pair[0] not in ("sig", "expires", "by")]
    link = OURS.link(urlencode(pairs), SIGNED)
    assert OURS.read_link(link) == SIGNED
    assert OURS.read_link(urlencode(parse_qsl(link, keep_blank_values=True)[::-1])) == SIGNED
    assert unsigned(link) == urlencode(pairs)
    assert THEIRS.read_link(link) is None
    for change in ("&a=1", "&sig=x", "&expires=9999999999", "&by=1"):
        assert OURS.read_link(link + change) is None


@pytest.mark.parametrize(
    "change", [("from=-8h", "from=-9h"), ("line+1", "line+2"), ("by=7", "by=8"), ("from=-8h&", "")]
)
def test_a_link_that_was_changed_is_none(change: tuple[str, str]) -> None:
    link = OURS.link("from=-8h&series=line+1", SIGNED)
    assert change[0] in link
    assert OURS.read_link(link.replace(*change)) is None


def test_a_session_is_no_link() -> None:
    """What was signed for one purpose isn't taken for another."""
    key, until, signature = OURS.session(SIGNED).split(".")
    assert OURS.read_link(urlencode({"expires": until, "by": key, "sig": signature})) is None


@given(st.text(), st.text())
def test_anything_is_a_text_of_ours_or_none(session: str, query: str) -> None:
    assert OURS.read_session(session) is None
    assert OURS.read_link(query) is None
    assert OURS.read_link(f"sig={query}") is None
