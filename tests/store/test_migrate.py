"""The schema, applied to a real server."""

import asyncio
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import msgspec
import pytest

from service.errors import SchemaError
from service.store.migrate import migrate, search_path
from service.store.queries import Edition, sql_folder
from service.store.sql_files import sql_files
from tests.conftest import Engine, drop_schema

pytestmark = pytest.mark.anyio

DAY = r"\d{4}-\d{2}-\d{2}"


def every_file(engine: Engine) -> list[str]:
    """The names of an edition's files in order, with their folder."""
    return [
        f"{folder}/{one.name}"
        for folder in ("schema", "functions")
        for one in sql_files(sql_folder() / folder, engine.server.edition)
    ]


async def apply(engine: Engine, schema: str, folder: Path | None = None) -> list[str]:
    return await migrate(engine.url, schema, engine.server, lambda _: None, folder)


async def answer(engine: Engine, schema: str, text: str) -> object:
    con = await asyncpg.connect(engine.url, server_settings={"search_path": search_path(schema, engine.server)})
    try:
        return await con.fetchval(text)
    finally:
        await con.close()


async def test_the_second_time_there_is_nothing_to_do(engine: Engine, schema: str) -> None:
    assert await apply(engine, schema) == every_file(engine)
    assert await apply(engine, schema) == []


async def test_a_first_start_is_a_line_and_an_upgrade_one_a_file(engine: Engine, schema: str, folder: Path) -> None:
    said: list[str] = []
    applied = await migrate(engine.url, schema, engine.server, said.append, folder)
    assert said == [f"schema {schema}: made, by {len(applied)} files"]
    (folder / "schema" / "900_more.sql").write_text("create table more (id integer);\n")
    upgraded = await migrate(engine.url, schema, engine.server, said.append, folder)
    assert said[1:] == [f"schema {schema}: applied {name}" for name in upgraded]
    assert upgraded[0] == "schema/900_more.sql"


async def test_several_starts_at_once_are_safe(engine: Engine, schema: str) -> None:
    applied = await asyncio.gather(*(apply(engine, schema) for _ in range(4)))
    assert sorted(chain.from_iterable(applied)) == sorted(every_file(engine))


async def test_a_new_file_is_applied_on_top(engine: Engine, schema: str, folder: Path) -> None:
    await apply(engine, schema, folder)
    (folder / "schema" / "900_more.sql").write_text("create table more (id integer);\ninsert into more values (1);\n")
    assert (await apply(engine, schema, folder))[0] == "schema/900_more.sql"
    assert await apply(engine, schema, folder) == []


async def test_a_file_that_fails_leaves_nothing_behind(engine: Engine, schema: str, folder: Path) -> None:
    await apply(engine, schema, folder)
    (folder / "schema" / "900_more.sql").write_text("create table more (id integer);\nselect 1 / 0;\n")
    with pytest.raises(SchemaError, match=r"900_more.sql.*division by zero"):
        await apply(engine, schema, folder)
    con = await asyncpg.connect(engine.url)
    try:
        assert await con.fetchval("select to_regclass($1)", f"{schema}.more") is None
    finally:
        await con.close()


async def test_a_file_outside_a_transaction(engine: Engine, schema: str, folder: Path) -> None:
    (folder / "schema" / "900_outside.sql").write_text("-- no-transaction\nvacuum batch\n")
    assert "schema/900_outside.sql" in await apply(engine, schema, folder)
    assert await apply(engine, schema, folder) == []


async def test_an_edited_file_is_an_error(engine: Engine, schema: str, folder: Path) -> None:
    await apply(engine, schema, folder)
    with (folder / "schema" / "001_batch.sql").open("a") as file:
        file.write("-- a word more\n")
    said = rf"001_batch.sql was edited after it was applied on {DAY}: .* Put back the text that was applied"
    with pytest.raises(SchemaError, match=said):
        await apply(engine, schema, folder)


async def test_a_renamed_file_is_an_error(engine: Engine, schema: str, folder: Path) -> None:
    await apply(engine, schema, folder)
    (folder / "schema" / "001_batch.sql").rename(folder / "schema" / "001_batches.sql")
    said = rf"001_batch.sql was applied on {DAY}, and the file with that number is called 001_batches.sql now"
    with pytest.raises(SchemaError, match=said):
        await apply(engine, schema, folder)


async def test_a_file_that_is_gone_is_an_error(engine: Engine, schema: str, folder: Path) -> None:
    """It isn't taken for a file of a later version."""
    await apply(engine, schema, folder)
    (folder / "schema" / "010_committer.sql").unlink()
    said = rf"010_committer.sql was applied on {DAY}, and this version has no file with that number"
    with pytest.raises(SchemaError, match=said):
        await apply(engine, schema, folder)


async def test_a_new_file_before_what_was_applied_is_an_error(engine: Engine, schema: str, folder: Path) -> None:
    """In other installations the files would be applied in another order."""
    (folder / "schema" / "900_more.sql").write_text("create table more (id integer);\n")
    await apply(engine, schema, folder)
    (folder / "schema" / "899_between.sql").write_text("create table between_them (id integer);\n")
    said = r"899_between.sql was never applied here, but 900_more.sql, .* Give the new file a number above 900\."
    with pytest.raises(SchemaError, match=said):
        await apply(engine, schema, folder)


async def test_a_schema_of_a_later_version_is_an_error(engine: Engine, schema: str, folder: Path) -> None:
    (folder / "schema" / "900_later.sql").write_text("create table later (id integer);\n")
    await apply(engine, schema, folder)
    with pytest.raises(SchemaError, match=rf"by a later version of Taktline: 900_later.sql was applied on {DAY}"):
        await apply(engine, schema)


async def test_a_schema_of_another_edition_is_an_error(engine: Engine, schema: str) -> None:
    """Even if the other edition has no file with that number."""
    await apply(engine, schema)
    other: Edition = "apache" if engine.server.edition == "community" else "community"
    server = msgspec.structs.replace(engine.server, edition=other)
    with pytest.raises(SchemaError, match=rf"made on another edition of TimescaleDB: .* has the {other} edition"):
        await migrate(engine.url, schema, server, lambda _: None)


TWICE = "create or replace function twice(x integer) returns integer language sql as $$ select 2 * x $$;\n"
ANSWER = "select twice(21)"


async def test_a_function_is_replaced_when_its_file_changes(engine: Engine, schema: str, folder: Path) -> None:
    twice = folder / "functions" / "900_twice.sql"
    twice.write_text(TWICE.replace("2 * x", "0"))
    assert (await apply(engine, schema, folder))[-1] == "functions/900_twice.sql"
    assert await answer(engine, schema, ANSWER) == 0
    twice.write_text(TWICE)
    assert await apply(engine, schema, folder) == ["functions/900_twice.sql"]
    assert await answer(engine, schema, ANSWER) == 42
    assert await apply(engine, schema, folder) == []


async def test_what_a_schema_file_drops_is_made_anew(engine: Engine, schema: str, folder: Path) -> None:
    (folder / "functions" / "900_twice.sql").write_text(TWICE)
    await apply(engine, schema, folder)
    (folder / "schema" / "900_drop.sql").write_text("drop function twice(integer);\n")
    assert "functions/900_twice.sql" in await apply(engine, schema, folder)
    assert await answer(engine, schema, ANSWER) == 42


async def test_functions_of_a_later_version_are_left_alone(engine: Engine, schema: str, folder: Path) -> None:
    """A replica of the previous version that is restarted meanwhile doesn't replace them."""
    twice = folder / "functions" / "900_twice.sql"
    twice.write_text(TWICE.replace("2 * x", "0"))
    await apply(engine, schema, folder)
    twice.write_text(TWICE)
    await apply(engine, schema, folder)
    twice.write_text(TWICE.replace("2 * x", "0"))
    with pytest.raises(SchemaError, match=rf"later version .* replaced the functions of 900_twice.sql on {DAY}"):
        await apply(engine, schema, folder)
    assert await answer(engine, schema, ANSWER) == 42


async def test_a_function_that_fails_leaves_the_last_one(engine: Engine, schema: str, folder: Path) -> None:
    twice = folder / "functions" / "900_twice.sql"
    twice.write_text(TWICE)
    await apply(engine, schema, folder)
    twice.write_text("drop function twice(integer);\nselect 1 / 0;\n")
    with pytest.raises(SchemaError, match=r"900_twice.sql.*division by zero"):
        await apply(engine, schema, folder)
    assert await answer(engine, schema, ANSWER) == 42


@pytest.mark.parametrize("name", ["1_x.sql", "005_x.oracle.sql", "abc.sql"])
def test_a_file_with_an_odd_name_is_an_error(folder: Path, name: str) -> None:
    (folder / "schema" / name).write_text("select 1;\n")
    with pytest.raises(SchemaError):
        sql_files(folder / "schema", "community")


def test_a_number_stands_once(folder: Path) -> None:
    (folder / "schema" / "001_again.sql").write_text("select 1;\n")
    with pytest.raises(SchemaError):
        sql_files(folder / "schema", "community")


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
    """If the schema was created for them, they need no further rights."""
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
