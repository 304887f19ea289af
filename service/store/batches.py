"""Writes batches: each id once, all of a transaction's readings or none."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg

from service.errors import Unavailable
from service.intake.batch import Outcome, Packed, Receipt
from service.intake.copy_rows import COLUMNS, HEADER, TRAILER
from service.store.database import Server
from service.store.pool import Pool
from service.store.queries import query

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy as Connection

COMPRESS_FROM = 2_000
"""Readings of a transaction from which on they may go straight to the columnstore, which is 1.4 times as fast."""
COMPRESS_PER_SERIES = 100
"""Readings of each series that this takes."""
FORGOTTEN = 10_000
"""Batch ids that are forgotten at once."""
MINUTES_A_DAY = 24 * 60
ON_TIME = timedelta(minutes=1)
"""Readings older than this when they are written are late: see sql/schema/005_exact.sql."""
TRANSACTION_LIMIT = 60.0
"""Seconds until a transaction is given up and tried again; the server ends one after 50: see insert_batches.sql."""


class Batches:
    """Committed batches and their readings."""

    def __init__(self, pool: Pool, server: Server) -> None:
        self._pool = pool
        self._marks_late = server.edition == "community"
        # in the embedded engine's version it loses readings that came sorted
        self._compresses = server.edition == "community" and not server.embedded

    async def write(self, batches: Sequence[Packed], receipt: Receipt) -> list[Outcome]:
        """Write the batches in one transaction; one outcome a batch, after COMMIT.

        Unavailable: nothing is known to be written; call again with the same receipt, which then settles whether
        the first attempt was committed after all. BadReading: the database refused the data, nothing is written.
        """
        async with self._pool.transaction(TRANSACTION_LIMIT) as con:
            [row] = await con.fetch(query("insert_batches"), *_identified(batches), receipt.committer, receipt.number)
            if not row["is_new"]:
                return receipt.outcomes
            outcomes = await _outcomes(con, batches, set(row["new_ids"]))
            written = [one for one, was in zip(batches, outcomes, strict=True) if was is Outcome.WRITTEN]
            if self._marks_late:
                await _mark_late(con, written, row["started"])
            if self._compresses and _worth_compressing(written):
                await con.fetch(query("compress_directly"), list(_days(written)))
            await _copy(con, [one.rows for one in written])
            receipt.outcomes = outcomes
        return outcomes

    async def forget(self, memory: timedelta) -> int:
        """Forget some batch ids older than `memory`, FORGOTTEN at most; how many were forgotten."""
        await self._pool.execute("forget_committers")
        return int((await self._pool.execute("forget_batches", memory, FORGOTTEN)).split()[-1])


def _identified(batches: Sequence[Packed]) -> tuple[list[str], list[bytes], list[int]]:
    """The distinct ids with their digests and counts, sorted: two replicas never wait for each other crosswise."""
    first = {one.id: one for one in reversed(batches) if one.id is not None}
    ids = sorted(first)
    return ids, [first[each].digest or b"" for each in ids], [first[each].count for each in ids]


async def _outcomes(con: "Connection[asyncpg.Record]", batches: Sequence[Packed], new: set[str]) -> list[Outcome]:
    """What each batch is, in order: of several with one new id the first is written."""
    known = {one.id for one in batches if one.id is not None} - new
    digests: dict[str, bytes] = {}
    if known:
        digests = {row["id"]: row["digest"] for row in await con.fetch(query("find_batches"), list(known))}
        if len(digests) < len(known):
            raise Unavailable("A batch id was forgotten just now.")
    return [_outcome(one, digests) for one in batches]


def _outcome(one: Packed, digests: dict[str, bytes]) -> Outcome:
    """The outcome of a batch, given the digests of the ids before it; a new id is added to them."""
    if one.id is None or one.id not in digests:
        if one.id is not None:
            digests[one.id] = one.digest or b""
        return Outcome.WRITTEN
    return Outcome.DUPLICATE if digests[one.id] == one.digest else Outcome.MISMATCH


async def _mark_late(con: "Connection[asyncpg.Record]", written: Sequence[Packed], started: datetime) -> None:
    """Mark the minutes of readings that a refresh of the rollups may have passed already."""
    passed = int((started - ON_TIME).timestamp()) // 60
    late = {minute for one in written for minute in one.minutes if minute <= passed}
    if late:
        await con.execute(query("mark_late"), list(late))


def _worth_compressing(written: Sequence[Packed]) -> bool:
    """Many readings of each of a few series: less than that makes compressed batches that are nearly empty."""
    readings = sum(one.count for one in written)
    if readings < COMPRESS_FROM:
        return False
    series = len(frozenset[bytes]().union(*(one.series for one in written)))
    return readings >= COMPRESS_PER_SERIES * series


def _days(written: Sequence[Packed]) -> set[int]:
    """The days that the readings lie in, since 1970."""
    return {minute // MINUTES_A_DAY for one in written for minute in one.minutes}


async def _copy(con: "Connection[asyncpg.Record]", rows: list[bytes]) -> None:
    if not any(rows):
        return

    async def source() -> AsyncIterator[bytes]:
        yield b"".join((HEADER, *rows, TRAILER))

    await con.copy_to_table("reading", columns=COLUMNS, source=source(), format="binary")
