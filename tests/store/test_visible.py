"""Patterns mean the same in the database as elsewhere, and only series that match one are seen."""

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.access.grants import Grant, matches
from service.intake.batch import Receipt
from service.period.selection import SeriesFilter
from service.store import Store
from service.store.queries import query
from service.store.series import names_of
from tests.batches import one_of_each, packed
from tests.conftest import Engine
from tests.database import connected
from tests.examples import examples

pytestmark = pytest.mark.anyio

MANY = "insert into series select 'line ' || to_char(number, 'FM000000') from generate_series(1, $1::integer) number"
NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=8)
LIKELY = st.text(st.sampled_from("ab*%_\\\n é😀"), max_size=6)
"""Short texts of the characters that mean something in one kind of pattern, so that many of them match each other."""


@given(st.lists(st.one_of(NAMES, LIKELY.filter(bool)), max_size=20), st.lists(st.one_of(NAMES, LIKELY), max_size=4))
@examples(1)
async def test_a_pattern_means_the_same_in_the_database(
    engine: Engine, schema: str, store: Store, names: list[str], patterns: list[str]
) -> None:
    grant = Grant("some", frozenset(), series=tuple(patterns))
    await store.batches.write([packed(None, *one_of_each(*names))], Receipt())
    async with connected(engine, schema) as con:
        everything = [name for (name,) in await con.fetch("select name from series")]
    store.series.fresh_for = 0
    seen = await names_of(store.reading, SeriesFilter(patterns=tuple(patterns)))
    assert sorted(seen or ()) == sorted(name for name in everything if grant.covers(name))
    assert set(await store.series.names(tuple(patterns))) == set(seen or ())


@pytest.mark.parametrize("pattern", ["*", "a%", "a_", "a\\", "a\\*", "%", "_", "\\%", "é*", "a*\n*", "**b", "a"])
async def test_what_is_special_elsewhere(engine: Engine, schema: str, store: Store, pattern: str) -> None:
    names = [
        "a",
        "ab",
        "a%",
        "a_",
        "a\\",
        "a\\b",
        "%",
        "_",
        "\\%",
        "é",
        "é1",
        "e\u0301",
        "a\nb\n",
        "A",
        "b",
        "😀b",
        "a😀",
    ]
    await store.batches.write([packed(None, *one_of_each(*names))], Receipt())
    seen = await names_of(store.reading, SeriesFilter(patterns=(pattern,)))
    assert sorted(seen or ()) == sorted(name for name in names if matches(pattern, name))


async def test_patterns_read_the_part_of_the_index_that_begins_as_they_do(
    engine: Engine, schema: str, store: Store
) -> None:
    async with connected(engine, schema) as con:
        await con.execute(MANY, 20_000)
        await con.execute("analyze series")
        bounds = (["line 0000%"], ["line 0000"], ["line 0000" + 200 * "\U0010ffff"])
        told = await con.fetchval("explain (format json) " + query("series_matching"), *bounds)
    assert '"Index Cond"' in told
    assert len(await names_of(store.reading, SeriesFilter(patterns=("line 0000*", "line 00001*"))) or ()) == 99


async def test_names_that_are_given_are_not_looked_up() -> None:
    reads = []

    class Reader:
        async def read(self, name: str, *_: object) -> list[asyncpg.Record]:
            reads.append(name)
            return []

    assert await names_of(Reader(), SeriesFilter()) is None
    assert await names_of(Reader(), SeriesFilter(("a",))) == ("a",)
    assert await names_of(Reader(), SeriesFilter(("a",), ("a*",))) == ("a",)
    assert await names_of(Reader(), SeriesFilter(None, ("a*",))) == ()
    assert reads == ["series_matching"]
