"""The spool as producers and the sender share it: who has nothing to do waits for the other."""

import asyncio
from collections.abc import Callable

from emitter.readings import Batch
from emitter.spool import Spool, Spooled


class Outbox:
    """A spool whose changes can be awaited."""

    def __init__(self, spool: Spool) -> None:
        self.spool = spool
        self._change = asyncio.Event()

    def offer(self, batch: Batch) -> None:
        """Puts a batch in; SpoolFull where there is no room: for readings that won't wait."""
        self.spool.put(batch)
        self.announce()

    async def put(self, batch: Batch) -> None:
        """Puts a batch in as soon as there is room: for readings that can wait."""
        await self.until(lambda: self.spool.has_room(len(batch.payload)))
        self.offer(batch)
        await asyncio.sleep(0)  # a producer that never waits would keep the sender from sending

    async def drained(self) -> None:
        """Waits until every batch is answered."""
        await self.until(lambda: not self.spool.batches)

    def forget(self, spooled: Spooled) -> None:
        """Drops a batch that the service has."""
        self.spool.forget(spooled)
        self.announce()

    def refuse(self, spooled: Spooled, problem: str) -> None:
        """Puts aside a batch that the service won't have."""
        self.spool.refuse(spooled, problem)
        self.announce()

    def announce(self) -> None:
        """Wakes whoever waits for a change."""
        self._change.set()
        self._change = asyncio.Event()

    async def changed(self) -> None:
        """Waits for the next change."""
        await self._change.wait()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Waits for the change that makes the condition true."""
        while not condition():
            await self.changed()
