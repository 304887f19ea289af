"""How a million readings are read that aren't materialised yet, according to the query plans: they are aggregated
before anything is sorted, and those in the columnstore by whole vectors; without statistics of their chunk, which was
made just now, with them, as after an autovacuum, and with those of a moment before they came."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import asyncpg
import msgspec
import pytest

from service.period.selection import Selection, SeriesFilter
from service.store.counting import CROWDED, count, spread
from service.store.database import session
from service.store.migrate import migrate, search_path
from service.store.pool import PLANNED, REFRESHING
from service.store.queries import query
from service.store.snapshot import SETTINGS, Snapshot
from tests.conftest import Engine, dropped_schema
from tests.query_plans import UPTO, nodes

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

pytestmark = pytest.mark.anyio

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
TODAY = NOW.replace(hour=0, minute=0)
START = NOW - timedelta(minutes=2)
EDGES = [START + timedelta(minutes=minute) for minute in range(4)]
END = EDGES[-1]
PERIOD, DAY = (START, END), (TODAY, TODAY + timedelta(days=1))

TAIL = """
insert into reading (ts, series, plan, fact)
select $1::timestamptz - number * interval '0.1 ms', 'line ' || number % 20, 40, number % 80
from generate_series(1, $2::integer) as number
"""
BEFORE = """
insert into reading (ts, series, plan)
select $1::timestamptz - number * interval '0.1 ms', 'line ' || number % 20_000, 40
from generate_series(1, 300_000) as number
"""
NOTES = """
with
  written as (
    insert into reading (ts, series, attributes)
    select $1::timestamptz - number * interval '10 s', 'line 3', '{"note": "film torn"}'
    from generate_series(1, 5) as number
    returning ts, series
  )
insert into noted
select ts, series
from written
"""
PAGE = """
select ts, id, series, plan, fact, attributes
from reading
where $1::text[] is null or series = any($1)
order by ts {0}, id {0}
limit $2
offset $3
"""
MOST_OF_A_NOTE = 2_500
"""The most readings that may be looked at for a note: a batch of the columnstore, and some beside it."""
TO_COLUMNSTORE = """
select compress_chunk(chunk) from show_chunks('reading') as chunk;
-- some rows are always beside it, and only then are a single chunk's vectors aggregated
insert into reading (ts, series) values (now(), 'line 1')
"""
VECTORS = (2, 29)
"""From this version on, readings are aggregated by vectors where they are grouped by time_bucket."""
STATEMENTS: list[tuple[str, dict[str, Any], tuple[object, ...]]] = [
    *(("buckets", {"size": "minute", "agg": agg}, (EDGES, *PERIOD, None, 4, UPTO)) for agg in ("sum", "avg", "min")),
    ("buckets", {"size": "minute", "agg": "sum"}, (EDGES, *PERIOD, None, None, UPTO)),
    ("buckets", {"size": "minute", "agg": "max"}, (EDGES, *PERIOD, None, 1, UPTO)),
    ("buckets_from_totals", {"agg": "avg"}, ([START, END], *PERIOD, UPTO)),
    ("totals", {"size": "minute"}, (*PERIOD, None, NOW, UPTO)),
    ("pace", {}, (*PERIOD, None, UPTO)),
    *(("spread", {"size": size}, (*PERIOD, None, 10, 20, True, UPTO)) for size in ("minute", "day")),
    ("days_with_readings", {}, (*DAY, None, UPTO)),
    ("newest_fact_day", {}, (*DAY, None, UPTO)),
    ("newest_of_series", {}, (*PERIOD, None, UPTO)),
    ("count_between", {}, (*PERIOD, None)),
    ("behind", {}, (*PERIOD, None, UPTO, False, 5.0, False)),
    ("silence", {}, (START, NOW, END, None, UPTO, True, [START], [END], [])),
]
CROWD = [(0, 49), (40, 120), (300_000, 300_049), (999_000, 999_049)]
"""Numbers of the first and the last record of a page."""


STATES = ("rows", "columns", "rows, analyzed", "columns, analyzed", "columns, analyzed before")


@pytest.fixture(scope="module", params=STATES)
async def tail(engine: Engine, request: pytest.FixtureRequest) -> AsyncIterator[Connection]:
    if "columns" in request.param and engine.server.edition != "community":
        pytest.skip("the Apache edition has no columnstore")
    async with dropped_schema(engine) as schema:
        await migrate(engine.url, schema, engine.server, lambda _: None)
        settings = session(search_path(schema, engine.server)) | PLANNED | SETTINGS
        con = await asyncpg.connect(engine.url, server_settings=settings)
        try:
            if "before" in request.param:
                await con.execute(BEFORE, START)
                await con.execute(TO_COLUMNSTORE)
                await con.execute("analyze reading")
            await con.execute(TAIL, NOW, 1_000_000)
            await con.execute(NOTES, NOW)
            if "columns" in request.param:
                await con.execute(TO_COLUMNSTORE)
            if request.param.endswith("analyzed"):
                await con.execute("analyze reading")
            yield con
        finally:
            await con.close()


@pytest.mark.parametrize(("name", "filled", "args"), STATEMENTS)
async def test_the_tail_is_neither_sorted_nor_read_row_by_row(
    engine: Engine, tail: Connection, request: pytest.FixtureRequest, name: str, filled: dict[str, Any], args: Any
) -> None:
    edition = engine.server.edition
    [[upto]] = await tail.fetch(query("upto")) if edition == "community" else [[None]]
    text = query(name, **filled, edition=edition)
    told = await tail.fetchval(f"explain (format json) {text}", *(upto if one is UPTO else one for one in args))
    plan = msgspec.json.decode(told)[0]["Plan"]
    assert any(_is_scan(node) for node in nodes(plan))
    assert not _sorts_readings(plan)
    if "columns" in request.node.name and _version(engine) >= VECTORS:
        assert "VectorAgg" in {node.get("Custom Plan Provider") for node in nodes(plan)}


async def test_slices_are_made_by_whole_vectors(
    engine: Engine, tail: Connection, request: pytest.FixtureRequest
) -> None:
    if engine.server.edition != "community":
        pytest.skip("the Apache edition has no slices")
    async with tail.transaction():
        for name, value in REFRESHING.items():
            await tail.execute("select set_config($1, $2, true)", name, value)
        told = await tail.fetchval(f"explain (format json) {query('make_slices')}", START, START, END)
    plan = msgspec.json.decode(told)[0]["Plan"]
    assert not _sorts_readings(plan)
    if "columns" in request.node.name and _version(engine) >= VECTORS:
        assert "VectorAgg" in {node.get("Custom Plan Provider") for node in nodes(plan)}


@pytest.mark.parametrize("series", [None, ("line 3",)])
@pytest.mark.parametrize("down", [True, False])
@pytest.mark.parametrize(("first", "last"), CROWD)
async def test_a_page_is_found_without_sorting_a_minute_of_many_readings(
    engine: Engine, tail: Connection, first: int, last: int, down: bool, series: tuple[str, ...] | None
) -> None:
    if series:
        first, last = first // 20, first // 20 + last - first
    snapshot = await _snapshot(engine, tail)
    selection = Selection(series=SeriesFilter(series))
    found = await count(snapshot, selection, first, last, down=down)
    [[sorted_for_it]] = await snapshot.read("count_between", found.start, found.end, series)
    assert sorted_for_it <= 2 * CROWDED
    hour = Selection(START, END, selection.series)
    rest = await spread(snapshot, hour, 0, last, down=down)
    [[up_to_it]] = await snapshot.read("count_between", rest.start, rest.end, series)
    assert last < up_to_it <= last + CROWDED
    some = last - first + 1
    rows = await snapshot.read("readings", found.start, found.end, series, None, None, some, found.offset, down=down)
    assert rows == await tail.fetch(PAGE.format("desc" if down else "asc"), series, some, first)


async def test_notes_are_found_without_reading_the_others(engine: Engine, tail: Connection) -> None:
    text = query("notes", edition=engine.server.edition)
    assert len(await tail.fetch(text, *PERIOD, None, 500)) == 5
    told = await tail.fetchval(f"explain (analyze, format json) {text}", *PERIOD, None, 500)
    looked_at = sum(
        node["Actual Loops"] * (node["Actual Rows"] + node.get("Rows Removed by Filter", 0))
        for node in nodes(msgspec.json.decode(told)[0]["Plan"])
        if _is_scan(node)
    )
    assert 5 <= looked_at <= 5 * MOST_OF_A_NOTE


async def test_late_minutes_of_many_readings_are_counted_without_sorting_them(engine: Engine, tail: Connection) -> None:
    """A function's own plans aren't shown, but what it writes to temporary files, as a sort of so much does."""
    if engine.server.edition != "community":
        pytest.skip("on the Apache edition nothing is late")
    transaction = tail.transaction()
    await transaction.start()
    try:
        await tail.execute("insert into late_minute select generate_series($1::timestamptz, $2, '1 minute')", *PERIOD)
        late = "select * from late_buckets(interval '1 minute', $1, $2)"
        text = await tail.fetchval(f"explain (analyze, buffers, format json) {late}", *PERIOD)
    finally:
        await transaction.rollback()
    [told] = msgspec.json.decode(text)
    assert told["Plan"]["Actual Rows"] >= 2 * 20
    assert told["Plan"]["Temp Written Blocks"] == 0


async def _snapshot(engine: Engine, tail: Connection) -> Snapshot:
    [[upto]] = await tail.fetch(query("upto")) if engine.server.edition == "community" else [[None]]
    return Snapshot(cast("PoolConnectionProxy[asyncpg.Record]", tail), engine.server.edition, upto)


def _is_scan(node: dict[str, Any]) -> bool:
    name: str = node.get("Relation Name", "")
    return name.startswith("_hyper_")


def _sorts_readings(node: dict[str, Any], *, under_sort: bool = False) -> bool:
    """Whether a scan is under a sort with no aggregate between the two."""
    kind = node["Node Type"]
    under_sort = (under_sort or "Sort" in kind) and kind != "Aggregate"
    parts = node.get("Plans", ())
    return (under_sort and _is_scan(node)) or any(_sorts_readings(part, under_sort=under_sort) for part in parts)


def _version(engine: Engine) -> tuple[int, ...]:
    return tuple(int(part) for part in engine.server.timescaledb.split("-")[0].split(".")[:2])
