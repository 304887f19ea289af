"""The batches that wait to be written, or are just being written: how many there may be, and how long they wait."""

import asyncio
import time
from collections import deque
from collections.abc import Iterable

import msgspec

from service.intake.batch import Outcome, Packed

BATCH = 800
"""About how many bytes of memory a batch takes beside its rows, including the task that waits for it."""

Answer = asyncio.Future[Outcome]
"""Resolves to WRITTEN or DUPLICATE after COMMIT; raises BadReading or BatchMismatch."""


class Waiting(msgspec.Struct):
    """A batch that waits, and its answer."""

    batch: Packed
    answer: Answer
    since: float
    """When it began to wait, by the monotonic clock."""
    in_request: bool
    """Whether it came in a request, which is answered after some time in any case; a connection waits as long as it
    takes."""

    def settle(self, result: Outcome | Exception) -> None:
        """Answer, unless the client has gone or was answered already."""
        if self.answer.done():
            return
        if isinstance(result, Outcome):
            self.answer.set_result(result)
        else:
            self.answer.set_exception(result)
            self.answer.exception()  # so that asyncio doesn't log an exception that nobody awaits


Group = list[Waiting]


class Queue:
    """Batches in the order in which they came. Those that are being written count until they are released."""

    def __init__(self, max_readings: int, max_bytes: int) -> None:
        self._max_readings, self._max_bytes = max_readings, max_bytes
        self._line: deque[Waiting] = deque()
        self._in_hand: list[Group] = []
        self.readings = self.bytes = 0
        """How much there is."""

    def __bool__(self) -> bool:
        """Whether any batch isn't being written yet."""
        return bool(self._line)

    def has_room(self, batch: Packed) -> bool:
        """Whether there is room for a batch; an empty queue has room for any batch."""
        return not self.readings or (
            self.readings + batch.count <= self._max_readings and self.bytes + _size(batch) <= self._max_bytes
        )

    def add(self, batch: Packed, *, in_request: bool) -> Answer:
        """Put a batch at the end."""
        answer: Answer = asyncio.get_running_loop().create_future()
        self._line.append(Waiting(batch, answer, time.monotonic(), in_request))
        self.readings += batch.count
        self.bytes += _size(batch)
        return answer

    def take(self, most: int) -> Group:
        """Take the first batches in hand, with at most so many readings together, or a single larger one."""
        group: Group = []
        readings = 0
        while self._line and (not group or readings + self._line[0].batch.count <= most):
            group.append(self._line.popleft())
            readings += group[-1].batch.count
        if group:
            self._in_hand.append(group)
        return group

    def release(self, group: Group) -> None:
        """Let go of a group that was settled."""
        self._in_hand.remove(group)
        self._forget(group)

    def withdraw(self, seconds: float) -> Group:
        """Take out the batches of requests that have waited for so long and aren't being written."""
        kept: Group = []
        gone: Group = []
        before = time.monotonic() - seconds
        while self._line and self._line[0].since < before:
            one = self._line.popleft()
            (gone if one.in_request else kept).append(one)
        self._line.extendleft(reversed(kept))
        self._forget(gone)
        return gone

    def clear(self) -> Group:
        """Take out all batches that aren't being written."""
        gone = list(self._line)
        self._line.clear()
        return gone

    def in_hand(self, seconds: float = 0) -> Group:
        """The batches that are being written, and have waited for so long."""
        before = time.monotonic() - seconds
        return [one for group in self._in_hand for one in group if one.since <= before]

    def age(self) -> float:
        """For how many seconds the oldest batch has waited."""
        firsts = [group[0].since for group in self._in_hand]
        if self._line:
            firsts.append(self._line[0].since)
        return time.monotonic() - min(firsts) if firsts else 0.0

    def _forget(self, group: Iterable[Waiting]) -> None:
        for one in group:
            self.readings -= one.batch.count
            self.bytes -= _size(one.batch)


def settle_all(group: Iterable[Waiting], error: Exception) -> None:
    """Answer all with the same error."""
    for one in group:
        one.settle(error)


def _size(batch: Packed) -> int:
    return BATCH + len(batch.rows)
