"""Limits how many series there are. A batch that would bring too many new ones is refused before it is queued, so that
it harms none of the batches that are written with it; series that exist can always be written."""

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

from service.errors import TooManySeries
from service.intake.batch import Packed
from service.intake.copy_rows import name_in, text_field

COUNT_EVERY = 10.0
"""Seconds after which the series are counted again before new ones are taken, since other replicas add some too. Up to
then each replica may take as many as were missing when it last counted."""
BEFORE_REFUSING = 1.0
"""The same before new ones are refused."""

_NONE: frozenset[bytes] = frozenset()


class Table(Protocol):
    """The names of all series."""

    async def first(self, count: int) -> list[str]: ...
    async def existing(self, names: Sequence[str]) -> list[str]: ...
    async def count(self) -> int: ...


class SeriesLimit:
    """Takes new series as long as there are at most `most`.

    `known` has names, as the rows have them, that are known to be in the table; whoever commits others adds them. Names
    are only looked up where a batch has one that isn't known.
    """

    def __init__(self, most: int, known: set[bytes], table: Table) -> None:
        self._most, self._known, self._table = most, known, table
        self._count = 0
        self._counted_at: float | None = None
        self._coming: dict[bytes, int] = {}
        """The new series of batches that were taken and aren't settled yet, each with the number of these batches."""
        self._asked: set[bytes] = set()
        self._next: asyncio.Task[None] | None = None
        self._running: asyncio.Task[None] | None = None

    async def count(self) -> None:
        """Count the series, so that the first new ones needn't wait for that. Raises Unavailable where it can't be done
        now; then the first new ones try again."""
        await self._look(_NONE)

    def new(self, batch: Packed) -> frozenset[bytes]:
        """The series of a batch that aren't known yet; nearly always none."""
        return _NONE if batch.series <= self._known else batch.series - self._known

    async def admit(self, new: frozenset[bytes]) -> frozenset[bytes]:
        """Take new series, and return those of them that are new indeed, for release(). Raises TooManySeries where
        there would be too many, and Unavailable where that can't be found out now."""
        if self._counted_at is None:
            await self._look(_NONE)
        elif not self._is_counted(COUNT_EVERY):
            self._begin_to_look(_NONE)  # and go by the last count: the database may hang, which its writer has to say
        if not self._has_room(new):
            await self._look(new)
            new -= self._known
            if not self._has_room(new):
                raise TooManySeries(name_in(min(new)), self._most)
        for one in new:
            self._coming[one] = self._coming.get(one, 0) + 1
        return new

    def release(self, new: frozenset[bytes]) -> None:
        """Learn that a batch is settled whose new series admit() has returned, whether it was written or not."""
        for one in new:
            self._coming[one] -= 1
            if not self._coming[one]:
                del self._coming[one]
                self._count += one in self._known

    def _has_room(self, new: frozenset[bytes]) -> bool:
        more = sum(one not in self._coming for one in new)
        return not more or self._count + len(self._coming) + more <= self._most

    async def _look(self, new: frozenset[bytes]) -> None:
        """Learn how many series there are, and which of the names are among them. All who ask while a look is under way
        share the next one, and its failure."""
        await asyncio.shield(self._begin_to_look(new))

    def _begin_to_look(self, new: frozenset[bytes]) -> "asyncio.Task[None]":
        self._asked |= new
        if self._next is None:
            self._next = asyncio.create_task(self._look_after(self._running))
            self._next.add_done_callback(lambda task: task.cancelled() or task.exception())  # else asyncio logs it
        return self._next

    async def _look_after(self, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait([before])
        self._running, self._next = self._next, None
        asked, self._asked = self._asked - self._known, set()
        if self._counted_at is None:
            self._learn(await self._table.first(self._most))
        if asked:
            self._learn(await self._table.existing([name_in(one) for one in asked]))
        if not self._is_counted(BEFORE_REFUSING):
            self._count, self._counted_at = await self._table.count(), time.monotonic()

    def _is_counted(self, seconds: float) -> bool:
        return self._counted_at is not None and time.monotonic() - self._counted_at < seconds

    def _learn(self, names: Sequence[str]) -> None:
        self._known.update(text_field(name.encode()) for name in names)
