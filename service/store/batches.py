"""Writes batches of readings in transactions. A batch whose id was committed before is not written again."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg

from service.errors import TooLarge, Unavailable
from service.intake.batch import Outcome, Packed, Receipt
from service.intake.copy_rows import COLUMNS, HEADER, TRAILER, name_in
from service.intake.spreads import pieces
from service.intake.timestamps import MINUTE, moment_of
from service.store.database import DatabaseServer
from service.store.pool import Pool
from service.store.queries import query

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy as Connection

COMPRESS_FROM = 2_000
"""The fewest readings in a transaction for which writing straight to the columnstore is considered; it is 1.4 times as
fast."""
COMPRESS_PER_SERIES = 100
"""The fewest readings per series, on average, for the same."""
WHOLE_FOR, MOST_WHOLE = 60.0, 1_000
"""For how many seconds it is remembered that a day has its chunk, which takes longer to look up than to write
thousands of readings, and of how many days."""
FORGOTTEN = 10_000
"""The most batch ids that one statement deletes."""
ON_TIME = timedelta(seconds=5)
"""For how long after the end of a minute its readings are on time, so that what comes right after it needs no mark: see
sql/queries/refreshable.sql, which waits for it."""
FEW_WEEKS, CHUNKS = 10, 10
"""From how many weeks on the chunks of a transaction are counted, and those that are missing made before it begins, so
many at a time. A chunk takes ten locks until the transaction in which it is made ends, and one from then on."""
DAYS_A_WEEK = 7
NEVER = 2**62
"""Microseconds from 1970 to a time that never comes."""
TRANSACTION_LIMIT = 60.0
"""Seconds after which the client gives a transaction up and tries again. The server ends it after 50 seconds already:
see insert_batches.sql."""


class Batches:
    """Committed batches and their readings."""

    def __init__(self, pool: Pool, server: DatabaseServer, schema: str) -> None:
        self._pool, self._schema = pool, schema
        self.transaction_limit = TRANSACTION_LIMIT
        self._marks_late = server.edition == "community"
        self.compresses = server.edition == "community" and not server.embedded
        """Whether many readings are written straight to the columnstore. The TimescaleDB version of the embedded engine
        loses sorted readings that are written this way."""
        self._whole: dict[int, float] = {}
        """The days that have a chunk, with the time on the monotonic clock up to which that is taken for granted."""
        self.known: set[bytes] = set()
        """The names of series, as the rows have them, that are known to be in their table: those that were read from
        it, and those that were committed here. Other replicas may have added more."""

    async def write(self, batches: Sequence[Packed], receipt: Receipt) -> list[Outcome]:
        """Write the batches in one transaction, and return one outcome per batch after COMMIT.

        Raises Unavailable where it isn't known whether anything was written. The caller then calls again with the same
        receipt, by which the database can tell whether the first attempt was committed after all. Raises BadReading
        where the database refused the data, and TooLarge where they lie in more chunks than can be written to at once;
        then nothing is written.
        """
        days = _days(batches)
        await self.make_chunks(days)
        begin, unsure = self._beginning(batches, days)
        async with self._pool.transaction(self.transaction_limit, begin) as con:
            [row] = await con.fetch(query("insert_batches"), *_identified(batches), receipt.committer, receipt.number)
            if not row["is_new"]:
                return receipt.outcomes
            outcomes = await _outcomes(con, batches, set(row["new_ids"]))
            written = [one for one, was in zip(batches, outcomes, strict=True) if was is Outcome.WRITTEN]
            if self._marks_late:
                await _mark_late(con, written, row["started"])
                await _mark_late_for_slices(con, written, row["sliced_from"], row["sliced_upto"])
            if unsure:
                await self._compress(con, unsure)
            if new := _new_series(written, self.known):
                await con.execute(query("insert_series"), [name_in(one) for one in new])
            await insert_noted(con, written)
            await copy_readings(con, self._schema, written)
            receipt.outcomes = outcomes
        self.known |= new
        return outcomes

    def _beginning(self, batches: Sequence[Packed], days: set[int]) -> tuple[str, list[int]]:
        """The statements that begin a transaction, and the days of which has to be looked up in it whether they have
        chunks, for the batches to be written straight to the columnstore."""
        begin = query("begin_writing")
        if not (self.compresses and _worth_compressing(batches)):
            return begin, []
        now = time.monotonic()
        if unsure := [day for day in days if self._whole.get(day, 0.0) < now]:
            return begin, unsure
        return f"{begin};\n{query('compress_whole_days')}", []

    async def _compress(self, con: "Connection[asyncpg.Record]", unsure: list[int]) -> None:
        """Let this transaction write to the columnstore, if each of these days has a chunk already."""
        now = time.monotonic()
        [row] = await con.fetch(query("compress_directly"), unsure)
        if row["direct"] == "on":
            if len(self._whole) > MOST_WHOLE:
                self._whole.clear()
            self._whole |= dict.fromkeys(unsure, now + WHOLE_FOR)

    async def make_chunks(self, days: set[int], few: int = FEW_WEEKS) -> None:
        """Make the chunks that are missing for a transaction of more than a few weeks. Raises TooLarge where there
        would be too many, so that the transaction would take the locks that others need."""
        if len({day // DAYS_A_WEEK for day in days}) <= few:
            return
        [row] = await self._pool.read("chunks_of_days", sorted(days))
        if row["chunks"] > row["most"]:
            raise TooLarge(
                f"These readings lie in {row['chunks']:,} chunks of the database, each a week or less, and a batch may "
                f"lie in at most {row['most']:,}. Send them in several batches, such as one for each year."
            )
        for first in range(0, len(row["missing"]), CHUNKS):
            await self._pool.read("make_chunks", row["missing"][first : first + CHUNKS])

    async def forget(self, memory: timedelta) -> int:
        """Delete batch ids older than `memory`, at most FORGOTTEN of them, and return how many were deleted."""
        await self._pool.execute("forget_committers")
        return int((await self._pool.execute("forget_batches", memory, FORGOTTEN)).split()[-1])


def _identified(batches: Sequence[Packed]) -> tuple[list[str], list[bytes], list[int]]:
    """The distinct ids with their digests and counts. They are sorted, so that two replicas lock them in the same order
    and can't deadlock."""
    first = {one.id: one for one in reversed(batches) if one.id is not None}
    ids = sorted(first)
    return ids, [first[each].digest or b"" for each in ids], [first[each].count for each in ids]


async def _outcomes(con: "Connection[asyncpg.Record]", batches: Sequence[Packed], new: set[str]) -> list[Outcome]:
    """The outcome of each batch, in order. Of several batches with the same new id, the first is written."""
    known = {one.id for one in batches if one.id is not None} - new
    digests: dict[str, bytes] = {}
    if known:
        digests = {row["id"]: row["digest"] for row in await con.fetch(query("find_batches"), list(known))}
        if len(digests) < len(known):
            raise Unavailable("A batch id was forgotten just now.")
    return [_outcome(one, digests) for one in batches]


def _outcome(one: Packed, digests: dict[str, bytes]) -> Outcome:
    """The outcome of a batch, given the digests of all ids known so far, to which a new id is added."""
    if one.id is None or one.id not in digests:
        if one.id is not None:
            digests[one.id] = one.digest or b""
        return Outcome.WRITTEN
    return Outcome.DUPLICATE if digests[one.id] == one.digest else Outcome.MISMATCH


def last_passed(started: datetime) -> int:
    """The last minute, since 1970, whose readings are late in a transaction that began then."""
    return int((started - ON_TIME).timestamp()) // 60 - 1


async def _mark_late(con: "Connection[asyncpg.Record]", written: Sequence[Packed], started: datetime) -> None:
    """Mark the minutes of readings that came so late that a refresh of the rollups may not have seen them."""
    passed = last_passed(started)
    late = set[int]().union(*(one.minutes_until(passed) for one in written))
    if late:
        await con.execute(query("mark_late"), list(late))


async def _mark_late_for_slices(
    con: "Connection[asyncpg.Record]", written: Sequence[Packed], first: datetime | None, upto: datetime | None
) -> None:
    """Mark readings of a time for which slices are or will be made: from `first` up to `upto`."""
    if first is None or upto is None:
        return
    start, end = (round(at.timestamp() * 1e6) for at in (first, upto))
    late = [since for one in written if one.oldest < end and (since := _since(one, start)) < end]
    if late:
        await con.execute(query("late_slices"), datetime.fromtimestamp(min(late) / 1e6, UTC))


def _since(one: Packed, start: int) -> int:
    """The time of the first reading from `start` on, which is a whole minute, or the beginning of its minute."""
    if one.oldest >= start:
        return one.oldest
    minute = one.minute_from(-(-start // MINUTE))
    return NEVER if minute is None else MINUTE * minute


def _new_series(written: Sequence[Packed], known: set[bytes]) -> set[bytes]:
    """The series that aren't known to be in their table; nearly always none."""
    new: set[bytes] = set()
    for one in written:
        if not one.series <= known:
            new |= one.series - known
    return new


def _worth_compressing(written: Sequence[Packed]) -> bool:
    """Whether there are many readings per series. With few, the compressed batches of the columnstore would be nearly
    empty."""
    readings = sum(one.count for one in written)
    if readings < COMPRESS_FROM:
        return False
    series = len(frozenset[bytes]().union(*(one.series for one in written)))
    return readings >= COMPRESS_PER_SERIES * series


def _days(written: Sequence[Packed]) -> set[int]:
    """The days on which there are readings, as days since 1970."""
    return set[int]().union(*(one.days() for one in written))


async def insert_noted(con: "Connection[asyncpg.Record]", written: Sequence[Packed]) -> None:
    """Remember where there are notes among the readings of batches: see sql/schema/140_noted.sql."""
    if notes := [note for one in written for note in one.notes]:
        series = [name_in(field) for _, field in notes]
        await con.execute(query("insert_noted"), [moment_of(at) for at, _ in notes], series)


async def copy_readings(con: "Connection[asyncpg.Record]", schema: str, written: Sequence[Packed]) -> None:
    """Write the readings of batches."""
    if not any(one.count for one in written):
        return

    async def source() -> AsyncIterator[bytes]:
        rows, spreads = [one.rows for one in written], [spread for one in written for spread in one.spreads.items]
        if not spreads:  # as nearly always, so that this is a single piece
            yield b"".join((HEADER, *rows, TRAILER))
            return
        yield b"".join((HEADER, *rows))
        for piece in pieces(spreads):
            yield piece
            await asyncio.sleep(0)  # asyncpg lets nobody else have a turn while the server takes it all
        yield TRAILER

    # the schema is named, or another installation's table would be written to where this one has been dropped
    await con.copy_to_table("reading", schema_name=schema, columns=COLUMNS, source=source(), format="binary")
