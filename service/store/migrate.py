"""Applies `sql/schema` in order, under a lock, each file once and in a transaction; then those files of `sql/functions`
that have changed, which replace what they made before. Each file is recorded with its checksum.

No schema file uses what `sql/functions` makes. One may drop it: after a schema file all functions are made anew.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

import asyncpg
import msgspec

from service.errors import SchemaError
from service.store.conflicts import LONG_PATIENCE, insist
from service.store.database import Server, connection
from service.store.ledger import Applied, Replaced, functions_to_replace, next_schema_file
from service.store.queries import Edition, query, sql_folder
from service.store.sql_files import SqlFile, sql_files

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class _Files(msgspec.Struct, frozen=True):
    """What a schema of this version is made of."""

    edition: Edition
    schema: list[SqlFile]
    functions: list[SqlFile]


async def migrate(
    url: str, schema: str, server: Server, say: Callable[[str], None], folder: Path | None = None
) -> list[str]:
    """Bring the schema up to this version; the names of the files that were applied, with their folder.

    SchemaError: the file that it speaks of has changed nothing, and neither have those after it.
    """
    folder = folder or sql_folder()
    edition = server.edition
    files = _Files(edition, sql_files(folder / "schema", edition), sql_files(folder / "functions", edition))
    applied = []
    async with connection(url, search_path(schema, server)) as con:
        with _sentences(schema):
            async with con.transaction():
                for statement in ("lock_schema", "create_schema", "create_ledger", "create_ledger_of_functions"):
                    await con.execute(query(statement))
            # a job that an earlier file has made may be at work already when a later one changes or refreshes the same
            while (name := await insist(lambda: _apply_next(con, files), LONG_PATIENCE)) is not None:
                say(f"schema {schema}: applied {name}")
                applied.append(name)
    return applied


@contextmanager
def _sentences(schema: str) -> Iterator[None]:
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as exc:
        raise SchemaError(
            f"The schema {schema} can't be made or changed: {exc}. Let the owner of the database grant this user "
            "CREATE on it, or make the schema and this user its owner."
        ) from exc
    except asyncpg.ReadOnlySQLTransactionError as exc:
        raise SchemaError(
            f"The schema {schema} can't be brought up to date: the server is a read-only replica."
        ) from exc
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as exc:
        raise SchemaError(f"The schema {schema} can't be brought up to date: {exc}.") from exc


def search_path(schema: str, server: Server) -> str:
    """Our schema first; then the extension's functions."""
    return f'"{schema}", {server.extension_schema}'


async def _apply_next(con: Connection, files: _Files) -> str | None:
    """Apply the first file that is missing, if any. The ledger is read anew under the lock each time, since another
    start may have been faster."""
    async with con.transaction():
        await con.execute(query("lock_schema"))
        following = next_schema_file(await _applied(con), files.schema, files.edition)
        if following is None:
            return await _replace_next(con, files)
        if following.in_transaction:
            await _execute(con, following)
            await _record(con, following)
            return f"schema/{following.name}"
    if await _apply_alone(con, following):
        return f"schema/{following.name}"
    return await _apply_next(con, files)


async def _replace_next(con: Connection, files: _Files) -> str | None:
    """Apply the first file of functions that has to be."""
    rows = await con.fetch(query("applied_functions"))
    number = files.schema[-1].number
    for one in functions_to_replace([Replaced(**row) for row in rows], files.functions, number):
        await _execute(con, one)
        await con.execute(query("record_functions"), one.name, one.sha256, number)
        return f"functions/{one.name}"
    return None


async def _apply_alone(con: Connection, one: SqlFile) -> bool:
    """Apply a file outside of any transaction; False where another start has just done it."""
    await con.execute(query("lock_alone"))  # on the embedded engine it keeps nobody out, so that a file may run twice
    try:
        if one.number in await _done(con):
            return False
        await _execute(con, one)
        async with con.transaction():
            await con.execute(query("lock_schema"))
            if one.number in await _done(con):
                return False
            await _record(con, one)
        return True
    finally:
        with suppress(asyncpg.PostgresError, asyncpg.InterfaceError, OSError):  # with the connection goes the lock
            await con.execute(query("unlock_alone"))


async def _applied(con: Connection) -> list[Applied]:
    return [Applied(**row) for row in await con.fetch(query("applied_migrations"))]


async def _done(con: Connection) -> set[int]:
    return {one.number for one in await _applied(con)}


async def _execute(con: Connection, one: SqlFile) -> None:
    try:
        await con.execute(one.sql)
    except asyncpg.PostgresError as exc:
        raise SchemaError(f"{one.name} can't be applied: {exc}.") from exc


async def _record(con: Connection, one: SqlFile) -> None:
    await con.execute(query("record_migration"), one.number, one.name, one.sha256)
