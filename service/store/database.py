"""Connects to the database server, and finds out its versions, edition and state."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
import msgspec

from service.errors import DatabaseAway, DatabaseUnusable
from service.store.address import place
from service.store.queries import Edition, query
from service.store.server_words import in_words

CONNECT_TIMEOUT = 10.0
ANSWER_TIMEOUT = 5.0
"""Seconds that a database with which there is a connection may take to say what it is."""
OLDEST = {"community": (2, 29), "apache": (2, 19)}
"""The oldest TimescaleDB that is supported: 2.28 loses buckets after a refresh, 2.19 is the oldest that was tried."""


class DatabaseServer(msgspec.Struct, frozen=True):
    """What the service found out about the database server."""

    postgresql: str
    timescaledb: str
    edition: Edition
    extension_schema: str
    durable: bool
    embedded: bool

    def describe(self) -> str:
        """The versions in one line, for people."""
        kind = "embedded TimescaleDB" if self.embedded else "TimescaleDB"
        return f"{kind} {self.timescaledb}, {self.edition} edition, on PostgreSQL {self.postgresql}"


async def inspect(url: str, limit: float = ANSWER_TIMEOUT, *, install: bool = True) -> DatabaseServer:
    """Look at the server at `url`, and create the TimescaleDB extension in the database where it is missing, unless
    nothing is to be changed.

    DatabaseAway: it doesn't answer, or not within `limit` seconds.
    """
    async with connection(url, "public") as con:
        row = await _facts(con, url, limit)
        if row["timescaledb"] is None and not install:
            raise DatabaseUnusable(f"The database at {place(url)} has no TimescaleDB yet; a start would add it.")
        if row["timescaledb"] is None:
            await _install_extension(con, url)
            row = await _facts(con, url, limit)
    return _check(row, url)


async def _facts(con: "asyncpg.Connection[asyncpg.Record]", url: str, limit: float) -> asyncpg.Record:
    try:
        async with asyncio.timeout(limit):
            [row] = await con.fetch(query("server"))
    except TimeoutError as exc:
        con.terminate()  # closing in good order would wait for the same database
        raise DatabaseAway(
            f"The database at {place(url)} accepts connections, but doesn't answer within {limit:g} seconds. "
            "It, or the server behind a pooler, may be stopped or overloaded."
        ) from exc
    return row


@asynccontextmanager
async def connection(url: str, search_path: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Open one connection outside any pool. DatabaseUnusable says in a sentence why that is impossible."""
    with _sentences(url):
        con = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT, server_settings=session(search_path))
    try:
        yield con
    finally:
        await con.close(timeout=CONNECT_TIMEOUT)


def session(search_path: str) -> dict[str, str]:
    """The PostgreSQL settings with which each of our sessions begins."""
    return {"search_path": search_path, "timezone": "UTC", "application_name": "taktline"}


async def _install_extension(con: "asyncpg.Connection[asyncpg.Record]", url: str) -> None:
    try:
        await con.execute(query("install_extension"))
    except asyncpg.PostgresError as exc:
        raise DatabaseUnusable(
            f"The database at {place(url)} has no TimescaleDB, and it can't be added: {in_words(exc)}. "
            "Install the extension on that server, or ask its owner for 'create extension timescaledb'."
        ) from exc


def _check(row: asyncpg.Record, url: str) -> DatabaseServer:
    edition: Edition = "community" if row["license"] == "timescale" else "apache"
    version = tuple(int(part) for part in row["timescaledb"].split("-")[0].split(".")[:2])
    if not row["embedded"] and version < OLDEST[edition]:
        oldest = ".".join(map(str, OLDEST[edition]))
        raise DatabaseUnusable(
            f"The database at {place(url)} has TimescaleDB {row['timescaledb']} ({edition} edition); "
            f"Taktline needs {oldest} or later. Upgrade the extension there."
        )
    return DatabaseServer(
        row["postgresql"],
        row["timescaledb"],
        edition,
        row["extension_schema"],
        row["durable"],
        row["embedded"],
    )


@contextmanager
def _sentences(url: str) -> Iterator[None]:
    try:
        yield
    except asyncpg.InvalidAuthorizationSpecificationError as exc:
        raise DatabaseUnusable(
            f"The database at {place(url)} refused the user or the password: {in_words(exc)}."
        ) from exc
    except asyncpg.CannotConnectNowError as exc:
        raise DatabaseAway(f"The database at {place(url)} isn't ready: {in_words(exc)}.") from exc
    except asyncpg.InvalidCatalogNameError as exc:
        raise DatabaseUnusable(f"The server at {place(url)} has no such database: {in_words(exc)}.") from exc
    except (OSError, TimeoutError) as exc:
        cause = str(exc) or f"no answer within {CONNECT_TIMEOUT:g} seconds"
        raise DatabaseAway(f"No database answers at {place(url)}: {cause}.") from exc
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as exc:
        raise DatabaseUnusable(f"DATABASE_URL can't be used: {in_words(exc)}.") from exc
