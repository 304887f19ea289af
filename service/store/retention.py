"""Drops readings that are older than they are kept, and leaves their rollups.

A continuous aggregate is refreshed from what it is made of. A refresh over readings that are gone would erase what they
said, so that the order matters here:

1. The time is announced from which on readings are kept, in the table `kept`. Whoever writes or corrects readings of
   before is refused from then on, by the packer and, in the database, when their minutes are marked as late:
   sql/schema/131_refuse_what_is_gone.community.sql.
2. When the transactions have ended that may have begun before, the rollups are refreshed once more, over all that is to
   be dropped.
3. That is noted. No refresh reaches behind it from then on: sql/functions/014_refresh_from.community.sql. When those
   have ended that began before, the chunks are dropped, and after any interruption the next round goes on with that.

TimescaleDB's own retention policies know of neither late readings nor refreshes, and could drop what isn't in the
rollups yet. Rollups are dropped in the same way, some time after what they are made of. Two replicas that do this at
once do no harm.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

import asyncpg
import structlog

from service.errors import DatabaseUnusable, TaktlineError
from service.period.kept import ALL_KEPT, Kept
from service.period.lifetimes import FOR_EVER, REFRESHED, SHORTEST, Lifetimes, in_days
from service.store.conflicts import insist
from service.store.database import DatabaseServer
from service.store.pool import WORK_TIMEOUT, Pool
from service.store.queries import query
from service.store.rollups import ROLLUPS
from service.store.under_way import ended

AT_ONCE = 10
"""How many chunks are refreshed, and dropped, at once: each takes locks until the end of its transaction."""
WRITING_PATIENCE, REFRESHING_PATIENCE = 60.0, 600.0
"""Seconds that transactions that write, and refreshes, may still take; then the next round goes on."""
NOTICE = timedelta(minutes=1)
"""How long before rollups are dropped that is announced, so that no replica looks for them any more: each reads it
every few seconds."""

log = structlog.stdlib.get_logger("retention")


class Retention:
    """How long readings are kept; on the Apache edition, whose rollups are views of them, for ever."""

    def __init__(self, pool: Pool, server: DatabaseServer) -> None:
        self._pool, self._edition = pool, server.edition
        self.kept = ALL_KEPT
        """From when on readings and rollups are kept, as last read."""
        self.notice = NOTICE

    async def look(self) -> None:
        """Read from when on readings and rollups are kept."""
        [row] = await self._pool.read("kept")
        self.kept = Kept(*row)

    async def check(self, lifetimes: Lifetimes) -> None:
        """Raise DatabaseUnusable, which says why, where this database can't drop what is older."""
        if lifetimes == FOR_EVER:
            return
        if self._edition == "apache":
            raise DatabaseUnusable(
                "RETENTION_READINGS can't be used with TimescaleDB's Apache edition: its rollups are views of the "
                "readings, and would go with them; leave it empty, or use the community edition"
            )
        if why := await self._reaching_too_far(lifetimes):
            raise DatabaseUnusable(why)

    async def keep_to(self, lifetimes: Lifetimes) -> None:
        """Drop what is older than it is kept."""
        if lifetimes.readings is None or self._edition == "apache":
            return
        if why := await self._reaching_too_far(lifetimes):
            raise TaktlineError(f"Nothing is dropped. {why}.")
        [row] = await self._pool.read("announce_kept", lifetimes.readings)
        if self.kept.readings != row["readings"]:
            await self.look()
        if row["refreshed"] is None or row["refreshed"] < row["readings"]:
            await self._complete(row["refreshed"], row["readings"])
        await self._drop_readings(row["readings"])
        await self._drop_rollups(lifetimes)

    async def _reaching_too_far(self, lifetimes: Lifetimes) -> str | None:
        """A sentence about the job whose refreshes would erase rollups; None where there is none."""
        if lifetimes.readings is None or not (rows := await self._pool.read("refresh_windows")):
            return None
        [[rollup, start]] = rows
        if start is not None and start + (SHORTEST - REFRESHED) <= lifetimes.readings:
            return None
        far = "from the beginning" if start is None else f"for the last {in_days(start)}"
        return (
            f"RETENTION_READINGS, {in_days(lifetimes.readings)}, is too short for this database: its job for {rollup} "
            f"refreshes {far}, and a refresh over readings that are gone would erase what they said; give it a "
            f"start_offset of {in_days(REFRESHED)} (alter_job), or keep readings a day longer than that"
        )

    async def _complete(self, first: datetime | None, until: datetime) -> None:
        """See that the rollups have all that the readings of a time say, to which no others come any more."""
        await ended(self._pool, "writers", WRITING_PATIENCE, "Transactions are writing readings")
        chunks = [row for row in await self._pool.read("chunks_before", until) if first is None or row["end"] > first]
        for some in _groups(chunks):
            for rollup in ROLLUPS:
                begin, end = some[0]["start"], some[-1]["end"]
                await insist(partial(self._pool.execute, "refresh_rollup", rollup, begin, end))
        await self._pool.execute("note_refreshed", until)

    async def _drop_readings(self, until: datetime) -> None:
        chunks = await self._pool.read("chunks_before", until)
        if not chunks:
            return
        await ended(self._pool, "refreshing", REFRESHING_PATIENCE, "Rollups are being refreshed")
        for some in _groups(chunks):
            await insist(partial(self._drop, "reading", some[-1]["end"]))
        await self._pool.execute("forget_noted", chunks[-1]["end"])
        log.info("dropped readings, whose rollups stay", before=until.isoformat(), chunks=len(chunks))

    async def _drop_rollups(self, lifetimes: Lifetimes) -> None:
        """Drop rollups that are older than they are kept, as soon as every replica knows."""
        asked = lifetimes.minute, lifetimes.quarter, lifetimes.hour, lifetimes.day
        await self._pool.execute("announce_rollups_kept", *asked)
        await self.look()
        if rows := await self._pool.read("rollups_to_drop", self.notice):
            await ended(self._pool, "refreshing", REFRESHING_PATIENCE, "Rollups are being refreshed")
            for rollup, since in rows:
                await insist(partial(self._drop, rollup, since))

    async def _drop(self, relation: str, until: datetime) -> None:
        async with self._pool.transaction(WORK_TIMEOUT) as con:
            await con.execute(query("limit_locks"))
            await con.execute(query("drop_chunks"), relation, until)


def _groups(chunks: Sequence[asyncpg.Record]) -> list[Sequence[asyncpg.Record]]:
    return [chunks[first : first + AT_ONCE] for first in range(0, len(chunks), AT_ONCE)]
