"""What the queries of pages and charts read, according to their query plans: only the chunks of their period, only the
rollup where it is materialised, and readings by their index.

There are three weeks of readings, which are materialised up to three days ago.
"""

from collections import defaultdict
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, TypeAlias

import asyncpg
import msgspec
import pytest

from service.store.conflicts import insist
from service.store.database import session
from service.store.migrate import migrate, search_path
from service.store.pool import PLANNED
from service.store.queries import query
from service.store.snapshot import SETTINGS
from tests.conftest import Engine, dropped_schema
from tests.query_plans import UPTO, nodes

pytestmark = pytest.mark.anyio

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
START = TODAY - 10 * DAY
END = START + DAY
EDGES = [START + hour * HOUR for hour in range(25)]
NAMES = ["s1", "s2"]

FILL = """
insert into reading (ts, series, plan, fact)
select ts, 's' || number, 10, 9
from generate_series($1::timestamptz, $2::timestamptz, interval '3 minutes') as ts
cross join generate_series(1, 5) as number
"""
CHUNKS = """
select chunk_name, coalesce(view_name, chunks.hypertable_name) as relation
from timescaledb_information.chunks
left join timescaledb_information.continuous_aggregates
  on materialization_hypertable_schema = chunks.hypertable_schema
  and materialization_hypertable_name = chunks.hypertable_name
"""

HIDDEN = """
create function hours_by_function(first timestamptz, until timestamptz)
returns setof hour_rollup
language sql stable
as $$ select * from hour_rollup where bucket >= first and bucket < until $$;
create view hours_by_view as select * from hour_rollup;
create function plan_in_statement(first timestamptz, until timestamptz)
returns setof text
language plpgsql
as $$
begin
  return query execute 'explain select * from hour_rollup where bucket >= $1 and bucket < $2' using first, until;
end
$$;
"""

OF_ROLLUPS = [
    ("buckets", {"size": "minute", "agg": "sum"}, (EDGES, START, END, None, None, UPTO), "minute_rollup"),
    ("buckets", {"size": "minute", "agg": "last"}, (EDGES, START, END, NAMES, 2, UPTO), "minute_rollup"),
    ("buckets", {"size": "quarter", "agg": "avg"}, (EDGES, START, END, NAMES, None, UPTO), "quarter_rollup"),
    ("buckets", {"size": "hour", "agg": "max"}, (EDGES, START, END, None, None, UPTO), "hour_rollup"),
    ("buckets", {"size": "day", "agg": "sum"}, (EDGES[::24], START, END, None, 4, UPTO), "day_rollup"),
    (
        "buckets",
        {"size": "hour", "agg": "min", "with_days": True},
        (EDGES[::24], START, END, None, None, UPTO, [START]),
        "day_rollup",
    ),
    ("buckets_from_totals", {"agg": "sum"}, (EDGES, START, END, UPTO), "quarter_total"),
    ("spread", {"size": "minute"}, (START, START + HOUR, None, 10, 20, True, UPTO), "minute_rollup"),
    ("spread", {"size": "hour"}, (START, END, NAMES, 10, 20, False, UPTO), "hour_rollup"),
    ("spread", {"size": "day"}, (START, END, None, 10, 20, True, UPTO), "day_rollup"),
    ("totals", {"size": "minute"}, (START, END, None, TODAY, UPTO), "minute_rollup"),
    ("days_with_readings", {}, (START, END, None, UPTO), "day_rollup"),
    ("newest_fact_day", {}, (START, END, NAMES, UPTO), "day_rollup"),
    ("behind", {}, (START, END, NAMES, UPTO, False, 5.0, False), "minute_rollup"),
    ("silence", {}, (START, END, END, None, UPTO, True, [START], [END], []), "minute_rollup"),
    ("pace", {}, (START, START + 6 * HOUR, NAMES, UPTO), "minute_rollup"),
]
OF_READINGS = [
    ("readings", True, (START, END, None, None, None, 100, 0)),
    ("readings", False, (START, END, NAMES, START + HOUR, 1, 100, 0)),
    ("count_at_instant", None, (START + HOUR, 1, None, True)),
    ("newest_fact", None, (START, START + HOUR, None)),
    ("count_between", None, (START, START + HOUR / 120, None)),
]


class Plan(msgspec.Struct):
    """The chunks of each relation that are read, and how they are scanned; how many chunks were planned for and are
    only excluded at execution; and whether a watermark is only read at execution."""

    chunks: dict[str, set[str]]
    ways: dict[str, set[str]]
    left_out_late: int
    asks_for_watermark: bool


@pytest.fixture(scope="module")
async def con(engine: Engine) -> AsyncIterator[Connection]:
    """A connection with the settings of the service's snapshots."""
    async with dropped_schema(engine) as schema:
        await migrate(engine.url, schema, engine.server, lambda _: None)
        settings = session(search_path(schema, engine.server)) | PLANNED | SETTINGS
        opened = await asyncpg.connect(engine.url, server_settings=settings)
        try:
            if engine.server.edition == "community":
                # a server with background workers would move chunks to the columnstore meanwhile
                await opened.execute("call remove_columnstore_policy('reading', if_exists => true)")
            await opened.execute(FILL, TODAY - 21 * DAY, TODAY)
            if engine.server.edition == "community":
                for rollup in ("minute_rollup", "quarter_rollup", "quarter_total", "hour_rollup", "day_rollup"):
                    refresh = partial(opened.execute, query("refresh_rollup"), rollup, None, TODAY - 3 * DAY)
                    await insist(refresh)
            await opened.execute("analyze reading")
            yield opened
        finally:
            await opened.close()


async def plan(con: Connection, text: str, args: tuple[object, ...]) -> Plan:
    relations = {row["chunk_name"]: row["relation"] for row in await con.fetch(CHUNKS)}
    [[upto]] = await con.fetch(query("upto")) if "watermark" in text or "materialised" in text else [[None]]
    told = await con.fetchval(f"explain (format json) {text}", *(upto if one is UPTO else one for one in args))
    found = Plan(defaultdict(set), defaultdict(set), 0, "cagg_watermark(" in told)
    for node in nodes(msgspec.json.decode(told)[0]["Plan"]):
        found.left_out_late += node.get("Chunks excluded during startup", 0)
        name = node.get("Relation Name", "")
        if name in relations:
            found.chunks[relations[name]].add(name)
            found.ways[relations[name]].add(node["Node Type"])
    return found


@pytest.mark.parametrize(("name", "filled", "args", "rollup"), OF_ROLLUPS)
async def test_a_period_that_is_materialised_costs_its_rollup_alone(
    engine: Engine, con: Connection, name: str, filled: dict[str, Any], args: tuple[object, ...], rollup: str
) -> None:
    """On the Apache edition it costs the readings of the period."""
    edition = engine.server.edition
    found = await plan(con, query(name, **filled, edition=edition), args)
    [(relation, chunks)] = found.chunks.items()
    assert relation == (rollup if edition == "community" else "reading")
    assert len(chunks) == 1
    assert found.left_out_late == 0
    assert not found.asks_for_watermark


@pytest.mark.parametrize(("name", "down", "args"), OF_READINGS)
async def test_readings_are_found_by_their_index(
    engine: Engine, con: Connection, name: str, down: bool | None, args: tuple[object, ...]
) -> None:
    found = await plan(con, query(name, down=down, edition=engine.server.edition), args)
    assert set(found.chunks) == {"reading"}
    assert len(found.chunks["reading"]) == 1
    assert found.ways["reading"] <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}


@pytest.mark.parametrize("down", [True, False])
async def test_readings_of_few_series_are_found_by_their_minutes(engine: Engine, con: Connection, down: bool) -> None:
    args = (START, END, NAMES, None, None, 100, 0, UPTO)
    found = await plan(con, query("series_readings", down=down, edition=engine.server.edition), args)
    if engine.server.edition == "community":
        assert set(found.chunks) == {"minute_rollup", "reading"}
        assert found.ways["reading"] == {"Index Scan"}
    assert len(found.chunks["reading"]) == 1


async def test_a_function_over_an_aggregate_has_another_plan(engine: Engine, con: Connection) -> None:
    """This shows that the tests above would notice such a function, and that docs/decisions are still right. A view
    does no harm, and neither does a statement that a PL/pgSQL function executes."""
    if engine.server.edition != "community":
        pytest.skip("the Apache edition has no watermarks")
    await con.execute(HIDDEN)
    by_function = await plan(con, "select * from hours_by_function($1, $2)", (START, END))
    assert by_function.asks_for_watermark
    assert by_function.left_out_late
    by_view = await plan(con, "select * from hours_by_view where bucket >= $1 and bucket < $2", (START, END))
    assert not by_view.asks_for_watermark
    assert set(by_view.chunks) == {"hour_rollup"}
    in_statement = str(await con.fetch("select plan_in_statement($1, $2)", START, END))
    assert "cagg_watermark(" not in in_statement
    assert "One-Time Filter: false" in in_statement
