"""The batches that wait to be written, or are just being written: how many there may be, and how long they wait.

Senders share the room, and a group is made up of the batches of all of them, so that one who sends much neither has the
batches of others refused nor lets them wait. Each may hold three times as much as is left: three quarters of the room
where nobody else sends, three sevenths of it beside another one who sends too much (the dynamic thresholds of Choudhury
and Hahne, https://doi.org/10.1109/90.664262).
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from itertools import groupby
from operator import attrgetter

import msgspec

from service.errors import Overloaded, ShareUsedUp, Unavailable, counted
from service.intake.batch import Outcome, Packed

SHARE = 3
"""How many times what is left one sender may hold."""
LEAST = 10
"""For how many readings a batch counts at least where it is taken, since that is what it costs."""
BATCH = 800
"""About how many bytes of memory a batch takes beside its rows, including the task that waits for it."""

Answer = asyncio.Future[Outcome]
"""Resolves to WRITTEN or DUPLICATE after COMMIT; raises BadReading or BatchMismatch."""


class Waiting(msgspec.Struct):
    """A batch that waits, and its answer."""

    batch: Packed
    caller: str
    answer: Answer
    since: float
    """When it began to wait, by the monotonic clock."""
    in_request: bool
    """Whether it came in a request, which is answered after some time in any case; a connection waits as long as it
    takes."""
    cost: int
    """For how many readings it counts where batches are taken."""

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


class _Sender:
    """The batches of one sender that wait, in the order in which they came, and how much it holds with those that are
    being written."""

    __slots__ = ("bytes", "line", "readings")

    def __init__(self) -> None:
        self.line: deque[Waiting] = deque()
        self.readings = self.bytes = 0


class Queue:
    """The batches of all senders. Those that are being written count until they are released.

    In a patient queue batches may have to wait, which is no sign of trouble: their time counts from when they are
    taken. `cost` says for how many readings a batch counts where it is taken, by default for as many as it has.
    """

    def __init__(
        self, max_readings: int, max_bytes: int, *, patient: bool = False, cost: Callable[[Packed], int] | None = None
    ) -> None:
        self._patient, self._cost = patient, cost
        self.work = asyncio.Event()
        """Set when there is a batch to be taken."""
        self._max_readings, self._max_bytes = max_readings, max_bytes
        self._share, self._share_bytes = _share(max_readings), _share(max_bytes)
        self._senders: dict[str, _Sender] = {}
        """Those who hold something; who comes first is served first."""
        self._in_hand: list[Group] = []
        self._beyond = self._beyond_bytes = 0
        """What doesn't count: of each batch that is larger than a sender's share, the rest. So it leaves room too."""
        self.readings = self.bytes = 0
        """How much there is."""

    def __bool__(self) -> bool:
        """Whether any batch isn't being written yet."""
        return any(sender.line for sender in self._senders.values())

    def has_room(self, batch: Packed, caller: str) -> bool:
        """Whether there is room for a batch of this sender; an empty queue has room for any batch."""
        if not self.readings:
            return True
        readings, size = batch.count, BATCH + batch.size
        if readings > self._share or size > self._share_bytes:
            readings, size = min(readings, self._share), min(size, self._share_bytes)
        free = self._max_readings - self.readings + self._beyond - readings
        free_bytes = self._max_bytes - self.bytes + self._beyond_bytes - size
        if free < 0 or free_bytes < 0:
            return False
        sender = self._senders.get(caller)
        return sender is None or (
            sender.readings + readings <= SHARE * free and sender.bytes + size <= SHARE * free_bytes
        )

    def refusal(self, batch: Packed, caller: str, advice: str) -> Unavailable:
        """Why there is no room for a batch of this sender."""
        if caller not in self._senders or not self.has_room(batch, ""):
            return Overloaded(f"{_wait(self.readings)} to be written; {advice}.")
        mine = _wait(self._senders[caller].readings, " of yours")
        return ShareUsedUp(f"{mine} to be written, as many as one sender may have now; {advice}.")

    def add(self, batch: Packed, caller: str, *, in_request: bool = False) -> Answer:
        """Put a batch at the end of its sender's line."""
        answer: Answer = asyncio.get_running_loop().create_future()
        sender = self._senders.get(caller)
        if sender is None:
            sender = self._senders[caller] = _Sender()
        readings, size = batch.count, BATCH + batch.size
        cost = readings if self._cost is None else self._cost(batch)
        sender.line.append(Waiting(batch, caller, answer, time.monotonic(), in_request, cost))
        sender.readings += readings
        sender.bytes += size
        self.readings += readings
        self.bytes += size
        if readings > self._share or size > self._share_bytes:
            self._count_beyond(batch, 1)
        self.work.set()
        return answer

    def take(self, most: int) -> Group:
        """Take batches in hand, with at most so many readings together, or a single larger one: of each sender the
        same number of readings, as far as it has them. The oldest batch is first."""
        parts: dict[str, Group] = {}
        left = most
        waiting = [(caller, sender.line) for caller, sender in self._senders.items() if sender.line]
        while waiting:
            each, more = max(1, left // len(waiting)), []
            for caller, line in waiting:
                part, cost = _first(line, each, left, alone=not parts)
                left -= cost
                if part:
                    parts.setdefault(caller, []).extend(part)
                if part and line and left > 0:
                    more.append((caller, line))
            waiting = more
        return self._keep_in_hand(parts)

    def release(self, group: Group) -> None:
        """Let go of a group that was settled."""
        self._in_hand.remove(group)
        self._forget(group)

    def withdraw(self, seconds: float) -> Group:
        """Take out the batches of requests that have waited for so long and aren't being written."""
        before = time.monotonic() - seconds
        gone = [one for sender in self._senders.values() for one in _withdraw(sender.line, before)]
        self._forget(gone)
        return gone

    def clear(self) -> Group:
        """Take out all batches that aren't being written."""
        gone = [one for sender in self._senders.values() for one in sender.line]
        for sender in self._senders.values():
            sender.line.clear()
        return gone

    def in_hand(self, seconds: float = 0) -> Group:
        """The batches that are being written, and have waited for so long."""
        before = time.monotonic() - seconds
        return [one for group in self._in_hand for one in group if one.since <= before]

    def age(self) -> float:
        """For how many seconds the oldest batch has waited; in a patient queue, for how many it has been in hand."""
        firsts = [group[0].since for group in self._in_hand]
        if not self._patient:
            firsts += [sender.line[0].since for sender in self._senders.values() if sender.line]
        return time.monotonic() - min(firsts) if firsts else 0.0

    def _keep_in_hand(self, parts: dict[str, Group]) -> Group:
        for caller in parts:
            self._senders[caller] = self._senders.pop(caller)  # who was served comes after those who weren't
        group = [one for part in sorted(parts.values(), key=lambda part: part[0].since) for one in part]
        if group:
            self._in_hand.append(group)
        if self._patient:
            for one in group:
                one.since = time.monotonic()
        return group

    def _count_beyond(self, batch: Packed, sign: int) -> None:
        self._beyond += sign * max(0, batch.count - self._share)
        self._beyond_bytes += sign * max(0, BATCH + batch.size - self._share_bytes)

    def _forget(self, group: Iterable[Waiting]) -> None:
        for caller, part in groupby(group, attrgetter("caller")):
            readings = size = 0
            for one in part:
                batch = one.batch
                readings += batch.count
                size += BATCH + batch.size
                if batch.count > self._share or batch.size > self._share_bytes - BATCH:
                    self._count_beyond(batch, -1)
            self.readings -= readings
            self.bytes -= size
            sender = self._senders[caller]
            sender.readings -= readings
            sender.bytes -= size
            if not sender.bytes:
                del self._senders[caller]


def _first(line: deque[Waiting], each: int, left: int, *, alone: bool) -> tuple[Group, int]:
    """The first batches of a line that cost about `each` readings, and at most `left`, and what they cost; the first
    one, however large it is, if it goes alone."""
    part: Group = []
    cost = 0
    while line and cost < each:
        count = line[0].cost
        if count > left - cost and (part or not alone):
            break
        part.append(line.popleft())
        cost += count if count > LEAST else LEAST
    return part, cost


def _wait(number: int, whose: str = "") -> str:
    return f"{counted(number, 'reading')}{whose} wait{'s' * (number == 1)}"


def _share(room: int) -> int:
    return max(1, room * SHARE // (SHARE + 1))


def _withdraw(line: deque[Waiting], before: float) -> Group:
    """Take out the batches of requests that have waited since `before`."""
    kept: Group = []
    gone: Group = []
    while line and line[0].since < before:
        one = line.popleft()
        (gone if one.in_request else kept).append(one)
    line.extendleft(reversed(kept))
    return gone


def settle_all(group: Iterable[Waiting], error: Exception) -> None:
    """Answer all with the same error."""
    for one in group:
        one.settle(error)
