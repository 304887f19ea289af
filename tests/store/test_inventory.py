"""A schema that holds somebody else's tables isn't touched, and one that lacks tables of ours isn't taken for whole."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from service.errors import SchemaError, Unavailable
from service.intake.batch import Receipt
from service.store import open_store
from service.store.inventory import check_free, check_inside
from service.store.migrate import migrate, search_path
from service.store.queries import query
from tests.batches import packed, reading
from tests.conftest import Engine, dropped_schema
from tests.database import connected
from tests.harness import Running

pytestmark = pytest.mark.anyio


@pytest.fixture
async def other(engine: Engine) -> AsyncIterator[str]:
    """Another schema."""
    async with dropped_schema(engine) as name:
        yield name


async def apply(engine: Engine, schema: str) -> list[str]:
    return await migrate(engine.url, schema, engine.server, lambda _: None)


async def contents(con: "asyncpg.Connection[asyncpg.Record]", schema: str) -> list[str]:
    """The names of all relations and functions in a schema."""
    rows = await con.fetch(
        "select relname from pg_class where relnamespace = $1::text::regnamespace union all "
        "select proname from pg_proc where pronamespace = $1::text::regnamespace order by 1",
        schema,
    )
    return [row["relname"] for row in rows]


@pytest.mark.parametrize(
    ("theirs", "named"),
    [
        ("create table {}.reading (id integer)", "the table reading"),
        ("create table {}.migration (id integer, app text)", "the table migration"),
        ("create view {}.minute_rollup as select 1 as x", "the view minute_rollup"),
        (
            "create table {0}.batch (n integer); create view {0}.reading as select 1 as x",
            "the table batch and the view",
        ),
        ("create function {}.buckets_of_days(n integer) returns integer language sql as 'select 1'", "the function"),
    ],
)
async def test_what_others_have_made_is_not_touched(engine: Engine, schema: str, theirs: str, named: str) -> None:
    async with connected(engine, schema) as con:
        await con.execute(f"create schema {schema}")
        await con.execute(theirs.format(schema))
        before = await contents(con, schema)
        with pytest.raises(SchemaError, match=f"{schema} has {named}.*Choose another DATABASE_SCHEMA"):
            await apply(engine, schema)
        assert await contents(con, schema) == before


async def test_others_with_other_names_may_be_there(engine: Engine, schema: str) -> None:
    async with connected(engine, schema) as con:
        await con.execute(f"create schema {schema}; create table {schema}.invoices (id integer)")
        for name in ("create_ledger", "create_ledger_of_functions"):  # and a first start that was cut off
            await con.execute(query(name))
        assert await apply(engine, schema)
        assert await con.fetchval("select count(*) from invoices") == 0


async def test_a_pooler_that_loses_the_search_path_is_noticed(engine: Engine, schema: str) -> None:
    async with connected(engine, schema) as con:
        await con.execute("set search_path to public")
        with pytest.raises(SchemaError, match=f'search_path "{schema}".* but with public'):
            await check_free(con, schema, search_path(schema, engine.server), {"reading"})
        assert await con.fetchval("select to_regnamespace($1)", schema) is None


async def test_a_dropped_rollup_is_told_at_the_start(engine: Engine, schema: str) -> None:
    await apply(engine, schema)
    async with connected(engine, schema) as con:
        kind = "view" if engine.server.edition == "apache" else "materialized view"
        await con.execute(f"drop {kind} day_rollup cascade")
    with pytest.raises(SchemaError, match=f"The schema {schema} lacks .*day_rollup.*backup"):
        await apply(engine, schema)


async def test_a_dropped_rollup_is_told_while_it_is_missed(fresh: Running, engine: Engine, schema: str) -> None:
    inventory = fresh.parts.store.inventory
    await inventory.look()
    assert inventory.lacking is None
    async with connected(engine, schema) as con:
        await con.execute("alter table committer rename to committer_old")
        await inventory.look()
        said = f"The schema {schema} lacks committer: somebody has dropped what was there."
        for address in ("/readyz", "/chart?format=json", "/display?format=json"):
            answer = await fresh.http.get(address)
            assert (answer.status_code, answer.json()["detail"][: len(said)]) == (503, said)
        await con.execute("alter table committer_old rename to committer")
    await inventory.look()
    assert (await fresh.http.get("/readyz")).status_code == 200
    assert (await fresh.http.get("/chart?format=json")).status_code == 200


async def test_what_a_later_version_has_dropped_is_not_missed(fresh: Running, engine: Engine, schema: str) -> None:
    async with connected(engine, schema) as con:
        await con.execute("alter table committer rename to committer_old")
        await con.execute("insert into migration values (999, '999_later.sql', '')")
    await fresh.parts.store.inventory.look()
    assert fresh.parts.store.inventory.lacking is None


@pytest.mark.parametrize("lost", ["drop table reading cascade", "drop schema {} cascade"])
async def test_another_installation_is_never_taken_for_ours(engine: Engine, schema: str, other: str, lost: str) -> None:
    """Here it is in the next schema of the search path, as one in `public` is where the extension is there too."""
    await apply(engine, schema)
    await apply(engine, other)
    path = search_path(schema, engine.server).replace(",", f', "{other}",', 1)
    async with open_store(engine.url, path, engine.server) as store, connected(engine, schema) as con:
        await con.execute(lost.format(schema))
        with pytest.raises(Unavailable):
            await store.batches.write([packed("once", reading())], Receipt())
        await store.inventory.look()
        with pytest.raises(Unavailable, match=f"The schema {schema} lacks"):
            await store.reading.read("any_readings")
        for table in ("reading", "batch", "committer"):
            assert await con.fetchval(f"select count(*) from {other}.{table}") == 0


async def test_a_start_that_waits_says_so(engine: Engine, schema: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.store.migrate.PATIENCE", 0.1)
    said: list[str] = []
    async with connected(engine, schema) as con, con.transaction():
        await con.execute(query("lock_schema"))
        starting = asyncio.create_task(migrate(engine.url, schema, engine.server, said.append))
        async with asyncio.timeout(10):
            while not said:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    assert said[0].startswith(f"schema {schema}: the database still works on it, or waits, after 0")
    assert await starting


async def test_a_session_that_is_elsewhere_is_refused(engine: Engine, schema: str) -> None:
    """Everything would be made there."""
    async with connected(engine, schema) as con:
        await con.execute(f"create schema {schema}")
        await check_inside(con, schema)
        await con.execute("set search_path to public")
        with pytest.raises(SchemaError, match=f"are in the schema public, and not in {schema}, the DATABASE_SCHEMA"):
            await check_inside(con, schema)
        await con.execute("set search_path to nowhere")
        with pytest.raises(SchemaError, match=f"are in no schema, and not in {schema}"):
            await check_inside(con, schema)
