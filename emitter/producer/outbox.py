"""The spool as it is shared by the producer and the sender, each of which can wait for the other."""

import asyncio
from collections.abc import Callable

from emitter.producer.readings import Batch
from emitter.producer.spool import Spool


class Outbox:
    """A spool with changes that can be awaited."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self._change = asyncio.Event()
        self._taken = 0

    def offer(self, batch: Batch) -> None:
        """Puts a batch in at once. Raises SpoolFull where there is no room."""
        self.spool.put(batch)
        self.announce()

    async def put(self, batch: Batch) -> None:
        """Puts a batch in as soon as there is room."""
        await self._until(lambda: self.spool.has_room(len(batch.payload)))
        self.offer(batch)
        await asyncio.sleep(0)  # otherwise a producer that never waits would leave the sender no time to send

    def take(self) -> Batch | None:
        """The next batch, each of them once; None where there is no other yet. It stays in the spool until it is
        done."""
        spooled = self.spool.after(self._taken)
        if spooled is None:
            return None
        self._taken = spooled.number
        return spooled.batch

    async def drained(self) -> None:
        """Waits until every batch is answered."""
        await self._until(lambda: not self.spool.batches)

    def forget(self, batch: Batch) -> None:
        """Drops a batch that the service has committed."""
        self.spool.forget(batch)
        self.announce()

    def refuse(self, batch: Batch, problem: str) -> None:
        """Sets aside a batch that the service has refused for good."""
        self.spool.refuse(batch, problem)
        self.announce()

    def announce(self) -> None:
        """Wakes all tasks that wait for a change."""
        self._change.set()
        self._change = asyncio.Event()

    async def changed(self) -> None:
        """Waits for the next change."""
        await self._change.wait()

    async def _until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await self.changed()
