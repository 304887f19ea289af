"""Applies the files of `sql/schema` in order, under a lock, each once and in a transaction; then those files of
`sql/functions` that have changed, which replace the functions they created before. Each file is recorded with its
checksum.

No schema file uses the functions of `sql/functions`, but it may drop them: after a schema file all of them are created
again.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, nullcontext
from functools import partial
from itertools import chain, repeat
from pathlib import Path
from typing import TypeAlias

import asyncpg
import msgspec

from service.errors import SchemaError
from service.store.conflicts import LONG_PATIENCE, insist
from service.store.database import DatabaseServer, connection
from service.store.database_hosts import DatabaseHosts
from service.store.inventory import LEDGERS, check_free, check_inside, check_whole
from service.store.ledger import Applied, Replaced, functions_to_replace, next_schema_file
from service.store.queries import Edition, query, sql_folder
from service.store.server_words import in_words
from service.store.sql_files import SqlFile, sql_files
from service.store.sql_names import created, needed

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
Alone: TypeAlias = Callable[[], AbstractAsyncContextManager[None]]

PATIENCE = 10.0
"""Seconds after which a start says that it waits for the database, and then six times as often apart."""


class _Files(msgspec.Struct, frozen=True):
    """The SQL files of this version."""

    edition: Edition
    schema: list[SqlFile]
    functions: list[SqlFile]


async def migrate(
    database: str | DatabaseHosts,
    schema: str,
    server: DatabaseServer,
    say: Callable[[str], None],
    folder: Path | None = None,
) -> list[str]:
    """Bring the schema up to this version, and return the names of the files that were applied, with their folder.

    After a SchemaError, neither the file that it names nor any later one has changed anything.
    """
    folder = folder or sql_folder()
    edition = server.edition
    files = _Files(edition, sql_files(folder / "schema", edition), sql_files(folder / "functions", edition))
    every = [*files.schema, *files.functions]
    path = search_path(schema, server)
    applied = []
    async with connection(database, path) as con:
        with _sentences(schema), _waiting_aloud(schema, say):
            async with con.transaction():
                await con.execute(query("lock_schema"))
                await check_free(con, schema, path, created(every))
                await con.execute(query("create_schema"))
                await check_inside(con, schema)
                for statement in ("create_ledger", "create_ledger_of_functions"):
                    await con.execute(query(statement))
                is_new = not await _done(con)
            # a background job that an earlier file created may be working on what a later file changes or refreshes
            alone = nullcontext if server.embedded else partial(_alone, database, path)  # which has a single session
            while (name := await insist(lambda: _apply_next(con, files, alone), LONG_PATIENCE)) is not None:
                if not is_new:
                    say(f"schema {schema}: applied {name}")
                applied.append(name)
            if is_new and applied:
                say(f"schema {schema}: made, by {len(applied)} files")
            await check_whole(con, schema, needed(every) | LEDGERS)
    return applied


async def pending(
    database: str | DatabaseHosts, schema: str, server: DatabaseServer, folder: Path | None = None
) -> list[str]:
    """The names of the files that `migrate` would apply, with their folder. Nothing is changed. SchemaError: it would
    refuse the schema."""
    folder = folder or sql_folder()
    edition = server.edition
    files = _Files(edition, sql_files(folder / "schema", edition), sql_files(folder / "functions", edition))
    every, path = [*files.schema, *files.functions], search_path(schema, server)
    async with connection(database, path) as con:
        with _sentences(schema):
            await check_free(con, schema, path, created(every))
            [place] = await con.fetch(query("place"), schema)
            if place["ledger"] is None:
                return [
                    *(f"schema/{one.name}" for one in files.schema),
                    *(f"functions/{one.name}" for one in files.functions),
                ]
            applied = await _applied(con)
            first = next_schema_file(applied, files.schema, edition)
            done = {one.number for one in applied}
            schema_files = [one for one in files.schema if one.number not in done]
            replaced = [Replaced(**row) for row in await con.fetch(query("applied_functions"))]
            functions = functions_to_replace(replaced, files.functions, files.schema[-1].number)
            if first is None:
                await check_whole(con, schema, needed(every) | LEDGERS)
            return [*(f"schema/{one.name}" for one in schema_files), *(f"functions/{one.name}" for one in functions)]


async def is_made(database: str | DatabaseHosts, schema: str, server: DatabaseServer) -> bool:
    """Whether any version has ever made this schema."""
    async with connection(database, search_path(schema, server)) as con:
        with _sentences(schema):
            [place] = await con.fetch(query("place"), schema)
            return place["ledger"] is not None


@contextmanager
def _waiting_aloud(schema: str, say: Callable[[str], None]) -> Iterator[None]:
    """Say from time to time that a start isn't over yet: the database may hang, somebody may hold a lock, or an upgrade
    may have much to do."""

    async def report() -> None:
        began = time.monotonic()
        for pause in chain((PATIENCE,), repeat(6 * PATIENCE)):
            await asyncio.sleep(pause)
            say(f"schema {schema}: the database still works on it, or waits, after {time.monotonic() - began:.0f} s")

    reporting = asyncio.create_task(report())
    try:
        yield
    finally:
        reporting.cancel()


@contextmanager
def _sentences(schema: str) -> Iterator[None]:
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as exc:
        raise SchemaError(
            f"The schema {schema} can't be made or changed: {in_words(exc)}. Let the owner of the database grant this "
            "user CREATE on it, or make the schema and this user its owner."
        ) from exc
    except asyncpg.ReadOnlySQLTransactionError as exc:
        raise SchemaError(
            f"The schema {schema} can't be brought up to date: the server is a read-only replica."
        ) from exc
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as exc:
        raise SchemaError(f"The schema {schema} can't be brought up to date: {in_words(exc)}.") from exc


def search_path(schema: str, server: DatabaseServer) -> str:
    """The schema of this installation first, then the schema of the extension's functions."""
    return f'"{schema}", {server.extension_schema}'


async def _apply_next(con: Connection, files: _Files, alone: Alone) -> str | None:
    """Apply the first file that wasn't applied yet, and return its name; None where there is none. The ledger is
    read again under the lock each time, since another replica may be starting at the same time."""
    async with con.transaction():
        await con.execute(query("lock_schema"))
        following = next_schema_file(await _applied(con), files.schema, files.edition)
        if following is None:
            return await _replace_next(con, files)
        if following.in_transaction:
            await _execute(con, following)
            await _record(con, following)
            return f"schema/{following.name}"
    if await _apply_alone(con, following, alone):
        return f"schema/{following.name}"
    return await _apply_next(con, files, alone)


async def _replace_next(con: Connection, files: _Files) -> str | None:
    """Apply the first file of functions that has to be replaced."""
    rows = await con.fetch(query("applied_functions"))
    number = files.schema[-1].number
    for one in functions_to_replace([Replaced(**row) for row in rows], files.functions, number):
        await _execute(con, one)
        await con.execute(query("record_functions"), one.name, one.sha256, number)
        return f"functions/{one.name}"
    return None


@asynccontextmanager
async def _alone(database: str | DatabaseHosts, path: str) -> AsyncIterator[None]:
    """A block that one replica at a time can enter."""
    async with connection(database, path) as con, con.transaction():
        await con.execute(query("lock_alone"))
        yield


async def _apply_alone(con: Connection, one: SqlFile, alone: Alone) -> bool:
    """Apply a file outside of any transaction; False where another replica has just applied it."""
    async with alone():
        if one.number in await _done(con):
            return False
        await _execute(con, one)
        async with con.transaction():
            await con.execute(query("lock_schema"))
            if one.number in await _done(con):
                return False
            await _record(con, one)
    return True


async def _applied(con: Connection) -> list[Applied]:
    return [Applied(**row) for row in await con.fetch(query("applied_migrations"))]


async def _done(con: Connection) -> set[int]:
    return {one.number for one in await _applied(con)}


async def _execute(con: Connection, one: SqlFile) -> None:
    try:
        await con.execute(one.sql)
    except asyncpg.PostgresError as exc:
        raise SchemaError(f"{one.name} can't be applied: {in_words(exc)}.") from exc


async def _record(con: Connection, one: SqlFile) -> None:
    await con.execute(query("record_migration"), one.number, one.name, one.sha256)
