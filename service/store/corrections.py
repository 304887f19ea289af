"""Replaces readings, or takes them away, one correction at a time; and lists what was corrected."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import msgspec

from service.errors import TooLarge, TooMuchAtOnce, Unavailable
from service.period.selection import Selection
from service.store.batches import TRANSACTION_LIMIT, Batches
from service.store.correcting import TOO_LONG, Corrected, Correction, Work
from service.store.database import DatabaseServer
from service.store.pool import Pool
from service.store.queries import query
from service.store.series import like

PATIENCE, LOOK_EVERY = 20.0, 0.2
"""Seconds that a correction may wait for others, and between two looks for one of another replica."""


class Entry(msgspec.Struct, frozen=True):
    """A correction that was made. Where only the plan or the fact was corrected, `field` says which."""

    id: int
    at: datetime
    by: str
    series: list[str]
    start: datetime = msgspec.field(name="from")
    until: datetime
    field: str | None
    removed: int
    changed: int
    written: int
    batch: str | None


class Corrections:
    """Makes corrections, and lists those that were made."""

    def __init__(self, writing: Pool, reading: Pool, server: DatabaseServer, schema: str, batches: Batches) -> None:
        self._writing, self._reading, self._schema, self._batches = writing, reading, schema, batches
        self._marks_late = server.edition == "community"
        self._turn = asyncio.Lock()
        self.patience = PATIENCE

    async def make(self, asked: Correction) -> Corrected:
        """Make a correction. Raises HasChanged where the readings have none of the tags, BatchMismatch where its id was
        used for something else, TooLarge where it takes too long, and Unavailable where others are being made."""
        if asked.batch is not None:
            # one that is made in the transaction itself would lock others out of making any until its end
            await self._batches.make_chunks(asked.batch.days(), few=0)
        try:
            async with self._alone():
                return await self._insist(asked)
        except TooMuchAtOnce as exc:
            raise TooLarge(TOO_LONG) from exc

    async def tag(self, series: Sequence[str], start: datetime, end: datetime) -> str:
        """The tag of the readings of some series in a range."""
        [[tag]] = await self._reading.read("range_tag", start, end, series)
        return str(tag)

    async def made(self, selection: Selection, before: int | None, most: int) -> list[Entry]:
        """The newest corrections, with ids below `before`, of something in a selection: of those that the patterns of
        its series cover in full."""
        chosen = selection.series
        likes = None if chosen.patterns is None else [like(pattern) for pattern in chosen.patterns]
        asked = (selection.start, selection.end, chosen.names, likes, before, most)
        return [Entry(*row) for row in await self._reading.read("corrections", *asked)]

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """A block that one correction of this process at a time can enter."""
        try:
            await asyncio.wait_for(self._turn.acquire(), self.patience)
        except TimeoutError as exc:
            raise Unavailable("Other corrections are being made; try again.") from exc
        try:
            yield
        finally:
            self._turn.release()

    async def _insist(self, asked: Correction) -> Corrected:
        """Make a correction as soon as no other replica is making one."""
        give_up = time.monotonic() + self.patience
        while time.monotonic() < give_up:
            async with self._writing.transaction(TRANSACTION_LIMIT, query("begin_writing")) as con:
                [[alone]] = await con.fetch(query("correct_alone"))
                if alone:
                    work = Work(con, asked, self._schema, self._batches.known, marks_late=self._marks_late)
                    done = await work.do()
            if alone:
                self._batches.known |= work.new
                return done
            await asyncio.sleep(LOOK_EVERY)
        raise Unavailable("Another replica is making a correction; try again.")
