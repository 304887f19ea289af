"""The store: the only module that talks SQL while the service runs. Rows become typed values here."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from service.batches import Outcome, Packed, Receipt
from service.buckets import Bucket
from service.database import Server, session
from service.errors import BadReading, Unavailable
from service.period import Period
from service.queries import query
from service.rows import COLUMNS, HEADER, TRAILER

POOL_SIZE = 8
ACQUIRE_TIMEOUT = 5.0
"""Seconds to wait for a free connection."""
ON_TIME = timedelta(minutes=1)
"""Readings older than this when they are written are late: see sql/schema/005_exact.sql."""
READ_TIMEOUT = 30.0
"""Seconds a page or a chart may take to be read."""

_DATA_ERRORS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
)

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy as Connection


class Record(msgspec.Struct, frozen=True):
    """A reading as it is stored; `attributes` is JSON."""

    ts: datetime
    series: str
    plan: float | None
    fact: float | None
    attributes: msgspec.Raw | None


class Store:
    """The relations of one installation."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", server: Server) -> None:
        self._pool = pool
        self.server = server

    async def write(self, batches: Sequence[Packed], receipt: Receipt) -> list[Outcome]:
        """Write the batches in one transaction; one outcome a batch, after COMMIT.

        Unavailable: nothing is known to be written; call again with the same receipt, which then settles whether
        the first attempt was committed after all. BadReading: the database refused the data, nothing is written.
        """
        async with self._connection() as con:
            if receipt.transaction is not None and await _was_committed(con, receipt.transaction):
                return receipt.outcomes
            receipt.transaction = None
            async with con.transaction():
                [row] = await con.fetch(query("insert_batches"), *_identified(batches))
                outcomes = await _outcomes(con, batches, set(row["new_ids"]))
                written = [one for one, was in zip(batches, outcomes, strict=True) if was is Outcome.WRITTEN]
                if self.server.edition == "community":
                    await _mark_late(con, written, row["started"])
                await _copy(con, [one.rows for one in written])
                receipt.transaction, receipt.outcomes = row["transaction"], outcomes
            return outcomes

    async def forget_batches(self, memory: timedelta) -> int:
        """Forget some batch ids older than `memory`; how many were forgotten."""
        async with self._connection() as con:
            return int((await con.execute(query("forget_batches"), memory)).split()[-1])

    async def buckets(self, period: Period, agg: str, series: Sequence[str] | None) -> list[Bucket]:
        """The buckets of a period that have readings, in order."""
        rows = await self._read(
            f"buckets_from_{period.relation}s",
            timedelta(seconds=period.seconds),
            period.start,
            period.end,
            series,
            period.origin,
            period.zone_of_days,
            agg,
        )
        return [Bucket(*row) for row in rows]

    async def page(self, number: int, per_page: int) -> list[Record]:
        """The records of page `number`, which counts from 1, newest first."""
        rows = await self._read("page", per_page, (number - 1) * per_page)
        return [Record(row["ts"], row["series"], row["plan"], row["fact"], row["attributes"]) for row in rows]

    async def count_readings(self) -> int:
        """How many readings there are."""
        rows = await self._read("count_readings")
        return int(rows[0][0])

    async def ping(self) -> None:
        """Unavailable where the database doesn't answer or takes no writes."""
        rows = await self._read("ping")
        if rows[0][0]:
            raise Unavailable("The database is a read-only replica.")

    async def run_jobs(self) -> int:
        """Run the background jobs of this schema now, where the engine has no workers; how many there are."""
        jobs = await self._read("jobs")
        for (job,) in jobs:
            async with self._connection() as con:
                await con.execute(query("run_job"), job)
        return len(jobs)

    async def refresh_late(self) -> int:
        """Bring the rollups up to date where late readings came; how many days were refreshed."""
        days = await self._read("late_days")
        for day in days:
            async with self._connection() as con:
                for unit in ("minute", "hour", "day"):
                    first, until = day[f"{unit}s_from"], day[f"{unit}s_until"]
                    if first < until:
                        await con.execute(query("refresh_rollup"), f"{unit}_rollup", first, until)
                await con.execute(query("clear_late"), day["buckets"], day["versions"])
        return len(days)

    async def _read(self, name: str, *args: object) -> list[asyncpg.Record]:
        async with self._connection() as con:
            return await con.fetch(query(name), *args, timeout=READ_TIMEOUT)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator["Connection[asyncpg.Record]"]:
        """A connection whose failures come out as our errors."""
        try:
            async with self._pool.acquire(timeout=ACQUIRE_TIMEOUT) as con:
                yield con
        except _DATA_ERRORS as exc:
            raise BadReading(f"The database refuses this: {exc}.") from exc
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as exc:
            raise Unavailable(f"The database can't do this now: {exc}.") from exc
        except (OSError, TimeoutError) as exc:
            raise Unavailable(f"The database doesn't answer: {exc or type(exc).__name__}.") from exc


@asynccontextmanager
async def open_store(url: str, search_path: str, server: Server) -> AsyncIterator[Store]:
    """A store on its own pool of connections, which is closed afterwards."""
    # No floor: a pool that keeps one fills the log with tracebacks while the database is away.
    pool = asyncpg.create_pool(
        url,
        min_size=0,
        max_size=POOL_SIZE,
        server_settings=session(search_path),
        init=_init_connection,
        timeout=5,
    )
    async with pool:
        try:
            yield Store(pool, server)
        finally:
            # close() waits for connections that are out, for ever
            try:
                await asyncio.wait_for(pool.close(), 5)
            except TimeoutError:
                pool.terminate()


async def _init_connection(con: "asyncpg.Connection[asyncpg.Record]") -> None:
    # jsonb goes in and out as JSON text; its binary form is a version byte and the text
    await con.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda text: b"\x01" + text,
        decoder=lambda data: msgspec.Raw(bytes(data[1:])),
    )


async def _was_committed(con: "Connection[asyncpg.Record]", transaction: str) -> bool:
    match await con.fetchval(query("transaction_status"), transaction):
        case "committed":
            return True
        case "in progress":
            raise Unavailable("The database hasn't settled an earlier transaction yet.")
        case _:
            return False


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


async def _copy(con: "Connection[asyncpg.Record]", rows: list[bytes]) -> None:
    if not any(rows):
        return

    async def source() -> AsyncIterator[bytes]:
        yield HEADER
        for some in rows:
            yield some
        yield TRAILER

    await con.copy_to_table("reading", columns=COLUMNS, source=source(), format="binary")
