"""Connects to the database server, and finds out its versions, edition and state."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg
import msgspec

from service.errors import DatabaseAway, DatabaseUnusable
from service.store.database_hosts import NAMED, DatabaseHosts
from service.store.pooler import LOST, NO_STATEMENTS, check_pooler, in_the_way
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

    def facts(self) -> dict[str, str]:
        """The same as labels of a metric."""
        engine = "embedded" if self.embedded else "server"
        return {
            "engine": engine,
            "edition": self.edition,
            "timescaledb": self.timescaledb,
            "postgresql": self.postgresql,
        }


async def inspect(
    database: str | DatabaseHosts, limit: float = ANSWER_TIMEOUT, *, install: bool = True
) -> DatabaseServer:
    """Look at the server at this address, and create the TimescaleDB extension in the database where it is missing,
    unless nothing is to be changed.

    DatabaseAway: it doesn't answer, or not within `limit` seconds, or none of its hosts is the primary.
    """
    hosts = DatabaseHosts.of(database)
    async with connection(hosts, "public") as con:
        row = await _facts(con, hosts.place, limit)
        if row["timescaledb"] is None and not install:
            raise DatabaseUnusable(f"The database at {hosts.place} has no TimescaleDB yet; a start would add it.")
        if row["timescaledb"] is None:
            await _install_extension(con, hosts.place)
            row = await _facts(con, hosts.place, limit)
        if not row["embedded"]:
            with _sentences(hosts):
                await check_pooler(hosts, con, CONNECT_TIMEOUT)
    return _check(row, hosts.place)


async def _facts(con: "asyncpg.Connection[asyncpg.Record]", place: str, limit: float) -> asyncpg.Record:
    try:
        async with asyncio.timeout(limit):
            [row] = await con.fetch(query("server"))
    except LOST as exc:
        raise DatabaseUnusable(f"The database at {place} can't be used: {NO_STATEMENTS}.") from exc
    except TimeoutError as exc:
        con.terminate()  # closing in good order would wait for the same database
        raise DatabaseAway(
            f"The database at {place} accepts connections, but doesn't answer within {limit:g} seconds. "
            "It, or the server behind a pooler, may be stopped or overloaded."
        ) from exc
    return row


@asynccontextmanager
async def connection(
    database: str | DatabaseHosts, search_path: str
) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """Open one connection outside any pool. DatabaseUnusable says in a sentence why that is impossible."""
    hosts = DatabaseHosts.of(database)
    with _sentences(hosts):
        con = await hosts.connect(session(search_path), CONNECT_TIMEOUT)
    try:
        yield con
    finally:
        await con.close(timeout=CONNECT_TIMEOUT)


def session(search_path: str) -> dict[str, str]:
    """The PostgreSQL settings with which each of our sessions begins."""
    return {"search_path": search_path, "timezone": "UTC", **NAMED}


async def _install_extension(con: "asyncpg.Connection[asyncpg.Record]", place: str) -> None:
    try:
        await con.execute(query("install_extension"))
    except asyncpg.PostgresError as exc:
        raise DatabaseUnusable(
            f"The database at {place} has no TimescaleDB, and it can't be added: {in_words(exc)}. "
            "Install the extension on that server, or ask its owner for 'create extension timescaledb'."
        ) from exc


def _check(row: asyncpg.Record, place: str) -> DatabaseServer:
    edition: Edition = "community" if row["license"] == "timescale" else "apache"
    version = tuple(int(part) for part in row["timescaledb"].split("-")[0].split(".")[:2])
    if not row["embedded"] and version < OLDEST[edition]:
        oldest = ".".join(map(str, OLDEST[edition]))
        raise DatabaseUnusable(
            f"The database at {place} has TimescaleDB {row['timescaledb']} ({edition} edition); "
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
def _sentences(hosts: DatabaseHosts) -> Iterator[None]:
    place = hosts.place
    try:
        yield
    except asyncpg.InvalidAuthorizationSpecificationError as exc:
        raise DatabaseUnusable(f"The database at {place} refused the user or the password: {in_words(exc)}.") from exc
    except asyncpg.CannotConnectNowError as exc:
        raise DatabaseAway(f"The database at {place} isn't ready: {in_words(exc)}.") from exc
    except asyncpg.InvalidCatalogNameError as exc:
        raise DatabaseUnusable(f"The server at {place} has no such database: {in_words(exc)}.") from exc
    except (OSError, TimeoutError, asyncpg.InternalClientError) as exc:
        cause = str(exc) or f"no answer within {hosts.limit(CONNECT_TIMEOUT):g} seconds"
        raise DatabaseAway(f"No database answers at {place}: {cause}.") from exc
    except (asyncpg.PostgresError, asyncpg.InterfaceError, ValueError) as exc:
        if (why := in_the_way(exc)) is not None:
            raise DatabaseUnusable(f"The database at {place} can't be used: {why}.") from exc
        raise DatabaseUnusable(f"DATABASE_URL can't be used: {in_words(exc)}.") from exc
