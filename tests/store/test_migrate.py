"""The schema, applied to a real server."""

import asyncio
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from service.errors import SchemaError
from service.store.migrate import migrate, migrations, search_path
from tests.conftest import Engine, drop_schema

pytestmark = pytest.mark.anyio


async def apply(engine: Engine, schema: str, folder: Path | None = None) -> list[str]:
    return await migrate(engine.url, schema, engine.server, lambda _: None, folder)


async def test_the_second_time_there_is_nothing_to_do(engine: Engine, schema: str) -> None:
    assert await apply(engine, schema) == [one.name for one in migrations(engine.server.edition)]
    assert await apply(engine, schema) == []


async def test_several_starts_at_once_are_safe(engine: Engine, schema: str) -> None:
    applied = await asyncio.gather(*(apply(engine, schema) for _ in range(4)))
    assert sorted(chain.from_iterable(applied)) == [one.name for one in migrations(engine.server.edition)]


async def test_a_new_file_is_applied_on_top(engine: Engine, schema: str, folder: Path) -> None:
    await apply(engine, schema, folder)
    (folder / "900_more.sql").write_text("create table more (id integer);\ninsert into more values (1);\n")
    assert await apply(engine, schema, folder) == ["900_more.sql"]


async def test_a_file_that_fails_leaves_nothing_behind(engine: Engine, schema: str, folder: Path) -> None:
    await apply(engine, schema, folder)
    (folder / "900_more.sql").write_text("create table more (id integer);\nselect 1 / 0;\n")
    with pytest.raises(SchemaError, match=r"900_more.sql.*division by zero"):
        await apply(engine, schema, folder)
    con = await asyncpg.connect(engine.url)
    try:
        assert await con.fetchval("select to_regclass($1)", f"{schema}.more") is None
    finally:
        await con.close()


async def test_a_file_outside_a_transaction(engine: Engine, schema: str, folder: Path) -> None:
    (folder / "900_outside.sql").write_text("-- no-transaction\nvacuum batch\n")
    assert "900_outside.sql" in await apply(engine, schema, folder)
    assert await apply(engine, schema, folder) == []


async def test_an_edited_file_is_an_error(engine: Engine, schema: str, folder: Path) -> None:
    await apply(engine, schema, folder)
    with (folder / "001_batch.sql").open("a") as file:
        file.write("-- a word more\n")
    with pytest.raises(SchemaError, match=r"001_batch.sql was edited"):
        await apply(engine, schema, folder)


async def test_a_schema_of_a_later_version_is_an_error(engine: Engine, schema: str, folder: Path) -> None:
    (folder / "900_later.sql").write_text("create table later (id integer);\n")
    await apply(engine, schema, folder)
    with pytest.raises(SchemaError, match="later version"):
        await apply(engine, schema)


@pytest.mark.parametrize("name", ["1_x.sql", "005_x.oracle.sql", "abc.sql"])
def test_a_file_with_an_odd_name_is_an_error(folder: Path, name: str) -> None:
    (folder / name).write_text("select 1;\n")
    with pytest.raises(SchemaError):
        migrations("community", folder)


def test_a_number_stands_once(folder: Path) -> None:
    (folder / "001_again.sql").write_text("select 1;\n")
    with pytest.raises(SchemaError):
        migrations("community", folder)


async def test_two_installations_share_a_database(engine: Engine, schema: str) -> None:
    other = schema + "_b"
    await apply(engine, schema)
    try:
        assert await apply(engine, other)
    finally:
        await drop_schema(engine, other)


async def test_the_relations_have_the_same_columns_on_every_engine(engine: Engine, schema: str) -> None:
    await apply(engine, schema)
    con = await asyncpg.connect(engine.url, server_settings={"search_path": search_path(schema, engine.server)})
    try:
        rows = await con.fetch(
            """
            select c.relname, array_agg(a.attname || ' ' || format_type(a.atttypid, null) order by a.attnum) as columns
            from pg_class c join pg_attribute a on a.attrelid = c.oid
            where c.relnamespace = current_schema()::regnamespace and c.relname like 'reading%'
              and c.relkind in ('r', 'v') and a.attnum > 0
            group by 1 order by 1
            """
        )
    finally:
        await con.close()
    values = [f"{kind}_{what} {form}" for kind in ("plan", "fact") for what, form in _MEASURES]
    rollup = ["bucket timestamp with time zone", "series text", "readings bigint", *values]
    assert {row["relname"]: row["columns"] for row in rows} == {
        "reading": [
            "ts timestamp with time zone",
            "id bigint",
            "series text",
            "plan double precision",
            "fact double precision",
            "attributes jsonb",
        ],
        "reading_minute": rollup,
        "reading_quarter": rollup,
        "reading_hour": rollup,
        "reading_day": rollup,
    }


_MEASURES = (
    ("sum", "double precision"),
    ("count", "bigint"),
    ("min", "double precision"),
    ("max", "double precision"),
    ("last", "double precision"),
)


async def test_a_user_without_rights_is_told_which(engine: Engine, schema: str) -> None:
    """And where the schema was made for them, they need no others."""
    if engine.server.embedded:
        pytest.skip("there is one user")
    parts = urlsplit(engine.url)
    address = f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
    url = urlunsplit(parts._replace(netloc=f"{schema}:secret@{address}"))
    con = await asyncpg.connect(engine.url)
    try:
        await con.execute(f"create role {schema} login password 'secret'")
        with pytest.raises(SchemaError, match=f"The schema {schema} can't be made.* grant this user CREATE"):
            await migrate(url, schema, engine.server, lambda _: None)
        await con.execute(f"create schema {schema} authorization {schema}")
        assert await migrate(url, schema, engine.server, lambda _: None)
    finally:
        await drop_schema(engine, schema)
        await con.execute(f"drop role {schema}")
        await con.close()
