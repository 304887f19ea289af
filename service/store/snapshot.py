"""A state of the database that several queries see: how it begins, what is asked of it, and how it ends."""

from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

import asyncpg

from service.period.kept import ALL_KEPT, Kept
from service.store.queries import READ_TIMEOUT, Edition, query

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy as Connection

SETTINGS = {"enable_sort": "off"}
"""How a snapshot's queries are planned. Where an autovacuum has analysed a chunk that is still being written, what has
come since is beyond its statistics and taken for next to nothing: millions of readings would be sorted on disk to be
aggregated one by one. What has to be sorted still is."""
BEGIN = "; ".join(
    ["begin isolation level repeatable read read only", *(f"set local {name} = {to}" for name, to in SETTINGS.items())]
)

Upto: TypeAlias = "list[datetime] | None"
"""Up to where rollups are materialised, as sql/queries/upto.sql returns it, and in a snapshot also up to where there
are slices; there is none on the Apache edition."""


class Snapshot:
    """Several queries that see one state of the database. Those of exact buckets need `upto`."""

    def __init__(
        self, con: "Connection[asyncpg.Record]", edition: Edition, upto: "Upto", kept: Kept = ALL_KEPT
    ) -> None:
        self._con, self._edition, self.upto = con, edition, upto
        self.kept = kept

    async def read(
        self,
        name: str,
        *args: object,
        size: str | None = None,
        with_days: bool = False,
        agg: str | None = None,
        down: bool | None = None,
    ) -> list[asyncpg.Record]:
        """The rows of the query in `sql/queries/<name>.sql`, with what query() fills in."""
        text = query(name, size, with_days=with_days, agg=agg, down=down, edition=self._edition)
        return await self._con.fetch(text, *args, timeout=READ_TIMEOUT)


async def begin_snapshot(con: "Connection[asyncpg.Record] | asyncpg.Connection[asyncpg.Record]") -> None:
    """Begin a transaction in which all queries see the same state of the database.

    TimescaleDB sometimes reads the catalog before it lets PostgreSQL begin: seen where its version 2.19.3 had lost its
    caches because others had created or dropped much. PostgreSQL then refuses the isolation level, as for a transaction
    that has run a query already; the next attempt succeeds.
    """
    try:
        await con.execute(BEGIN)
    except asyncpg.ActiveSQLTransactionError:
        await con.execute("rollback")
        await con.execute(BEGIN)


async def snapshot_of(con: "Connection[asyncpg.Record]", edition: Edition) -> Snapshot:
    """What the transaction of this connection sees. One question finds out up to where rollups are materialised, and
    from when on readings are kept."""
    if edition != "community":
        return Snapshot(con, edition, None)
    [[upto, *since]] = await con.fetch(query("snapshot"), timeout=READ_TIMEOUT)
    return Snapshot(con, edition, upto, Kept(*since))


async def end_snapshot(con: "Connection[asyncpg.Record]") -> None:
    """End the transaction. Nothing depends on how that goes, since nothing was written; where it fails, the connection
    is cut."""
    with suppress(asyncpg.InterfaceError):  # where the connection was lost, the pool has it back already
        try:
            if not con.is_closed():
                await con.execute("commit")
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError):
            con.terminate()
