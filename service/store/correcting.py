"""One correction in its transaction: readings go, and others come in their place.

It does what a transaction that writes readings does, and takes its locks in the same order: see
service/store/batches.py. Those for which others may have to wait, of batch ids, marks and names of series, come last,
since a correction may take most of a minute.
"""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from service.errors import BatchMismatch, HasChanged, TooLarge
from service.intake.batch import Packed
from service.intake.copy_rows import name_in
from service.store.batches import copy_readings, insert_noted, last_passed
from service.store.queries import query

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy as Connection

LIMIT = 45.0
"""Seconds in which the statements of a correction have to end, so that its transaction lasts less than a minute, on
which sql/schema/005_exact.sql relies."""
TOO_LONG = "This takes the database too long. Correct a shorter range, or fewer series, at a time."
ANY = "*"
"""Stands for the tag of any readings, as long as there are some."""
NO_READINGS = "0-"
"""Begins the tag of no readings."""


class Correction(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be corrected: the readings of some series from `start` up to but not including `end`, or of these only
    the `field`, plan or fact; by whom, and what comes in their place. `tags` are those of which the readings have to
    have one, `digest` tells a correction that is sent again under its `id` from another one."""

    series: Sequence[str]
    start: datetime
    end: datetime
    by: str
    field: str | None = None
    batch: Packed | None = None
    id: str | None = None
    digest: bytes = b""
    tags: Sequence[str] | None = None

    @property
    def range(self) -> tuple[datetime, datetime, list[str]]:
        """The readings that are concerned, as queries are told them."""
        return self.start, self.end, list(self.series)


class Corrected(msgspec.Struct, frozen=True):
    """How many readings went, of how many others only the field went, and how many came. `tag` is that of the readings
    afterwards, where they had to have one before."""

    removed: int = 0
    changed: int = 0
    written: int = 0
    duplicate: bool = False
    tag: str | None = None


class Work:
    """A correction in a transaction that has just begun. `known` has the names of series that are in their table."""

    def __init__(
        self, con: "Connection[asyncpg.Record]", asked: Correction, schema: str, known: set[bytes], *, marks_late: bool
    ) -> None:
        self._con, self._asked, self._schema = con, asked, schema
        self._marks_late = marks_late
        self._until = time.monotonic() + LIMIT
        self.new = frozenset[bytes]() if asked.batch is None else asked.batch.series - known
        """The series of the new readings that aren't known to be in their table; nearly always none."""

    async def do(self) -> Corrected:
        """Make the correction; it is there after COMMIT."""
        if await self._is_duplicate():
            return Corrected(duplicate=True)
        [begun] = await self._con.fetch(query("begin_correcting"))
        await self._check_tag()
        removed, *spans = await self._take("remove_readings")
        changed = 0
        if self._asked.field is not None:
            changed, *more = await self._take("clear_field")
            spans += more
        await self._put()
        await self._mark(spans, begun)
        done = Corrected(removed, changed, 0 if self._asked.batch is None else self._asked.batch.items)
        await self._keep(done)
        return done if self._asked.tags is None else msgspec.structs.replace(done, tag=await self._tag())

    async def _is_duplicate(self) -> bool:
        """Whether this was committed before. Raises BatchMismatch where something else was."""
        if self._asked.id is None:
            return False
        rows = await self._con.fetch(query("find_batches"), [self._asked.id])
        if rows and rows[0]["digest"] != self._asked.digest:
            raise BatchMismatch
        return bool(rows)

    async def _tag(self) -> str:
        [[tag]] = await self._con.fetch(query("range_tag"), *self._asked.range)
        return str(tag)

    async def _check_tag(self) -> None:
        if self._asked.tags is None:
            return
        tag = await self._tag()
        if tag not in self._asked.tags and (ANY not in self._asked.tags or tag.startswith(NO_READINGS)):
            raise HasChanged

    async def _take(self, how: str) -> tuple[int, *tuple[str, ...]]:
        """Take readings away, or something of them. Returns how many they are, and their minutes, if any."""
        await self._limit()
        [row] = await self._con.fetch(query(how), *self._asked.range, self._asked.field)
        return (row["readings"], row["minutes"]) if row["readings"] else (0,)

    async def _put(self) -> None:
        """Write the new readings, and the id."""
        asked = self._asked
        if asked.batch is not None:
            await self._limit()
            await copy_readings(self._con, self._schema, [asked.batch])
        if asked.id is not None:
            count = 0 if asked.batch is None else asked.batch.count
            if not await self._con.fetch(query("claim_batch"), asked.id, asked.digest, count):
                raise BatchMismatch  # somebody's batch, meanwhile

    async def _mark(self, spans: Sequence[str], begun: asyncpg.Record) -> None:
        """Mark the minutes that a refresh of the rollups may have seen otherwise, and the time of slices; and add the
        names of new series, and where there are notes."""
        batch = self._asked.batch
        await self._limit()
        if self._marks_late:
            passed = last_passed(begun["started"])
            came = () if batch is None else batch.minutes_until(passed)
            await self._con.execute(query("mark_corrected"), list(spans), list(came), passed)
            first, upto = begun["sliced_from"], begun["sliced_upto"]
            if first is not None and upto is not None and self._asked.start < upto and first < self._asked.end:
                await self._con.execute(query("late_slices"), max(first, self._asked.start))
        if self.new:
            await self._con.execute(query("insert_series"), [name_in(one) for one in self.new])
        if batch is not None:
            await insert_noted(self._con, [batch])

    async def _keep(self, done: Corrected) -> None:
        asked = self._asked
        counts = done.removed, done.changed, done.written
        start, end, series = asked.range
        await self._con.execute(
            query("insert_correction"), asked.by, series, start, end, asked.field, *counts, asked.id
        )

    async def _limit(self) -> None:
        """Give the next statement the time that is left. Raises TooLarge where there is none."""
        left = round(1000 * (self._until - time.monotonic()))
        if left <= 0:
            raise TooLarge(TOO_LONG)
        await self._con.execute(query("limit_statements"), str(left))
