"""Applies `sql/schema` in order: under a lock, each file in a transaction, each recorded with its checksum.

`002_name.sql` is for every edition, `003_name.community.sql` for one; a number has one file an edition. A file whose
first line is `-- no-transaction` holds one statement that can't run in a transaction and can be run again.
"""

import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import asyncpg
import msgspec

from service.errors import SchemaError
from service.store.conflicts import LONG_PATIENCE, insist
from service.store.database import Edition, Server, connection
from service.store.queries import query, sql_folder

_NAME = re.compile(r"(\d{3})_[a-z_]+(?:\.(community|apache))?\.sql")


class Migration(msgspec.Struct, frozen=True):
    """One schema file."""

    number: int
    name: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def in_transaction(self) -> bool:
        return not self.sql.startswith("-- no-transaction\n")


def migrations(edition: Edition, folder: Path | None = None) -> list[Migration]:
    """The schema files of an edition in order; SchemaError where the numbers have gaps or doubles."""
    found = []
    for path in sorted((folder or sql_folder() / "schema").glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise SchemaError(f"{path.name}: a schema file is named like 001_reading.sql or 001_reading.apache.sql.")
        if match[2] in (None, edition):
            found.append(Migration(int(match[1]), path.name, path.read_text(encoding="utf-8")))
    numbers = [one.number for one in found]
    if sorted(set(numbers)) != numbers:
        raise SchemaError(f"The schema files of the {edition} edition aren't numbered one by one: {numbers}.")
    return found


async def migrate(
    url: str, schema: str, server: Server, say: Callable[[str], None], folder: Path | None = None
) -> list[str]:
    """Bring the schema up to this version; the names of the files that were applied.

    SchemaError: nothing was changed.
    """
    wanted = migrations(server.edition, folder)
    applied = []
    async with connection(url, search_path(schema, server)) as con:
        with _sentences(schema):
            async with con.transaction():
                await con.execute(query("lock_schema"))
                await con.execute(query("create_schema"))
                await con.execute(query("create_ledger"))
            # a job that an earlier file has made may be at work already when a later one changes or refreshes the same
            while (name := await insist(lambda: _apply_next(con, wanted), LONG_PATIENCE)) is not None:
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


async def _apply_next(con: "asyncpg.Connection[asyncpg.Record]", wanted: list[Migration]) -> str | None:
    """Apply the first file that is missing, if any. The ledger is read anew under the lock each time, since another
    start may have been faster."""
    async with con.transaction():
        await con.execute(query("lock_schema"))
        following = _following(await con.fetch(query("applied_migrations")), wanted)
        if following is None:
            return None
        if following.in_transaction:
            await _execute(con, following)
            await _record(con, following)
            return following.name
    if await _apply_alone(con, following):
        return following.name
    return await _apply_next(con, wanted)


async def _apply_alone(con: "asyncpg.Connection[asyncpg.Record]", one: Migration) -> bool:
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


async def _done(con: "asyncpg.Connection[asyncpg.Record]") -> set[int]:
    return {row["number"] for row in await con.fetch(query("applied_migrations"))}


async def _execute(con: "asyncpg.Connection[asyncpg.Record]", one: Migration) -> None:
    try:
        await con.execute(one.sql)
    except asyncpg.PostgresError as exc:
        raise SchemaError(f"{one.name} can't be applied: {exc}.") from exc


def _following(ledger: list[asyncpg.Record], wanted: list[Migration]) -> Migration | None:
    known = {one.number: one for one in wanted}
    for row in ledger:
        mine = known.get(row["number"])
        if mine is None:
            raise SchemaError(
                f"The schema was made by a later version of Taktline: this one doesn't know {row['name']}."
            )
        if mine.name != row["name"]:
            raise SchemaError(
                f"The schema was made on another edition of TimescaleDB ({row['name']}, here {mine.name}). "
                "Export the readings and import them into a new DATABASE_SCHEMA."
            )
        if mine.sha256 != row["sha256"]:
            raise SchemaError(f"{mine.name} was edited after it was applied; add a new file instead.")
    done = {row["number"] for row in ledger}
    return next((one for one in wanted if one.number not in done), None)


async def _record(con: "asyncpg.Connection[asyncpg.Record]", one: Migration) -> None:
    await con.execute(query("record_migration"), one.number, one.name, one.sha256)
