"""Aggregates readings in slices of a few seconds while many come, before their minute is materialised.

What isn't materialised would otherwise be read from the readings, every time that anybody looks at a chart or a page,
and at 100,000 readings a second that are millions. Slices are exact like everything else: a reading that is written
after the slice was made in which it belongs is marked in the same transaction, and from that slice on nothing is read
from slices until they are made anew. Their tables are in sql/schema/097_slices.sql and 098_slices.community.sql.
"""

import time
from datetime import datetime, timedelta

from service.store.lag import is_far_behind
from service.store.pool import WORK_TIMEOUT, Pool
from service.store.queries import query
from service.store.under_way import ended

CLOSEST, FARTHEST = timedelta(seconds=1), timedelta(seconds=30)
"""How close to the present slices are made. What comes later than that is late for them, and where much does, as from
producers that send every ten seconds, they are made less close, but not beyond FARTHEST."""
BEYOND, CLOSER = 1.25, 0.98
"""How much further from the present than what was late they are made then, and by how much closer again the next time
that nothing was."""
WORTH = 20_000
"""How many readings are worth a slice: reading as many takes about ten milliseconds."""
PATIENCE = 5.0
"""Seconds after which the transactions under way aren't waited for any more."""


class Slices:
    """Makes the slices. One replica does that at a time; of two, one fails, and nothing of what it did remains."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.closest = CLOSEST
        """How close to the present slices are made now."""
        self.took = 0.0
        """How many seconds the last ones took."""
        self._announced: datetime | None = None
        """When the last ones were announced. What was late for them was later than it should by this time."""

    async def renew(self) -> bool:
        """Make slices nearly up to the present, if there are enough readings; returns whether there were."""
        [row] = await self._pool.read("unsliced")
        if row["is_unsafe"]:
            await self._pool.execute("drop_slices")
            return False
        watermark, due = row["watermark"], row["now"] - self._distance(row["late"])
        if await is_far_behind(self._pool, watermark, due):
            return False
        [sliced] = await self._pool.read("sliced", watermark)
        [[waiting]] = await self._pool.read("count_some", sliced["upto"], due, WORTH)
        if waiting < WORTH:
            return False
        await self._pool.execute("announce_slices", watermark, due)
        self._announced = row["now"]
        # those who may have begun before it was announced
        await ended(self._pool, "writers", PATIENCE, "Transactions are writing readings")
        async with self._pool.transaction(WORK_TIMEOUT, "begin isolation level repeatable read") as con:
            began = time.monotonic()
            [sliced] = await con.fetch(query("sliced"), watermark)
            await con.execute(query("make_slices"), watermark, sliced["upto"], due)
            self.took = time.monotonic() - began
        return True

    def _distance(self, late: datetime | None) -> timedelta:
        """How close to the present slices are made, given the first reading that was late for the last ones. Readings
        that are later than FARTHEST change nothing: they are few, or would be late in any case."""
        behind = None if late is None or self._announced is None else self._announced - late
        if behind is None or behind > FARTHEST:
            self.closest = max(CLOSEST, CLOSER * self.closest)
        else:
            self.closest = min(FARTHEST, max(self.closest, BEYOND * behind))
        return self.closest

    async def vacuum(self) -> None:
        """Free the space of slices that were deleted."""
        await self._pool.execute("vacuum_slices")
