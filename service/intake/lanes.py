"""Three lanes in front of the database, each with a queue of its own: one for the present, one for past days, and one
for days ahead.

What is imported is only written as fast as the rollups can follow, so that pages and charts stay fast: see
docs/decisions/lane-for-past-days.md. A plan for a year lies in many chunks, some of which have to be made first. In
lanes of their own they hold up nobody who sends what has just been measured, nor each other.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from enum import Enum

import structlog

from service.intake.batch import MINUTES_A_DAY, Packed
from service.intake.waiting import Group, Queue

PAST, AHEAD = 2, 2
"""Days before today (UTC): older readings are of the past. Each rollup may be refreshed there: see
sql/queries/late_windows.sql. And days after today: later readings are of days ahead."""
MAX_FAR, WEEK = 5_000, 100
"""The most readings of past days, or of days ahead, in one transaction, and for how many of them a week counts, since
it is a chunk, which takes locks. After each transaction of past days the rollups may have to follow."""
DAYS_A_WEEK = 7

log = structlog.stdlib.get_logger("writer")

KeepUp = Callable[[Sequence[Packed]], Awaitable[object]]
"""Is awaited after batches of past days were committed, before the next ones are taken."""


class Lane(Enum):
    PRESENT = "present"
    PAST = "past"
    """For batches with any readings of past days."""
    AHEAD = "ahead"
    """For other batches with any readings of days ahead."""


class Queues:
    """The queues of the lanes. Those of past days and of days ahead have half the size of the first one each, beside
    it."""

    def __init__(self, max_readings: int, max_bytes: int) -> None:
        self._all = {
            Lane.PRESENT: Queue(max_readings, max_bytes),
            Lane.PAST: Queue(max_readings // 2, max_bytes // 2, patient=True, cost=_cost_of_far),
            Lane.AHEAD: Queue(max_readings // 2, max_bytes // 2, patient=True, cost=_cost_of_far),
        }

    def __getitem__(self, lane: Lane) -> Queue:
        return self._all[lane]

    def __iter__(self) -> Iterator[Queue]:
        return iter(self._all.values())

    def of(self, batch: Packed) -> Queue:
        """The queue of the lane of a batch."""
        return self[lane_of(batch)]

    @property
    def readings(self) -> int:
        """How many readings there are in all of them."""
        return sum(queue.readings for queue in self)

    @property
    def bytes(self) -> int:
        return sum(queue.bytes for queue in self)

    def age(self) -> float:
        """For how many seconds the oldest batch has waited; those of the other lanes only since they began to be
        written."""
        return max(queue.age() for queue in self)

    def in_hand(self, seconds: float = 0) -> Group:
        """The batches of all that are being written, and have waited for so long."""
        return [one for queue in self for one in queue.in_hand(seconds)]

    def withdraw(self, seconds: float) -> Group:
        """Take out the batches of requests that have waited for so long and aren't being written."""
        return [one for queue in self for one in queue.withdraw(seconds)]

    def clear(self) -> Group:
        """Take out all batches that aren't being written."""
        return [one for queue in self for one in queue.clear()]


class Follower:
    """Lets the rollups follow what is written of past days."""

    def __init__(self, keep_up: KeepUp | None) -> None:
        self._keep_up, self._ended = keep_up, False
        self._running: asyncio.Future[object] | None = None

    async def follow(self, batches: Sequence[Packed]) -> None:
        """Wait until the rollups have followed, or end() is called. Where they can't follow, that is logged."""
        if self._keep_up is None or self._ended:
            return
        self._running = asyncio.ensure_future(self._keep_up(batches))
        await asyncio.wait([self._running])
        if not self._running.cancelled() and (error := self._running.exception()) is not None:
            log.warning("the rollups can't follow an import, so that its pages and charts get slower", why=str(error))

    def end(self) -> None:
        """Wait no more, because the service is stopping."""
        self._ended = True
        if self._running is not None:
            self._running.cancel()


def lane_of(batch: Packed) -> Lane:
    """The lane of a batch."""
    now = time.time() / 60
    first, last = batch.first_and_last() or (now, now)
    if now - PAST * MINUTES_A_DAY < first and last < now + AHEAD * MINUTES_A_DAY:  # as nearly always, so this is quick
        return Lane.PRESENT
    today = now // MINUTES_A_DAY
    if first < (today - PAST) * MINUTES_A_DAY:
        return Lane.PAST
    return Lane.PRESENT if last < (today + 1 + AHEAD) * MINUTES_A_DAY else Lane.AHEAD


def _cost_of_far(batch: Packed) -> int:
    return max(batch.count, WEEK * len({day // DAYS_A_WEEK for day in batch.days()}))
