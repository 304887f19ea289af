"""Batches in flight: those sent on the present connection that have no answer yet."""

import time
from bisect import insort
from collections.abc import Callable

import msgspec

from emitter.producer.readings import Batch


class Sent(msgspec.Struct, frozen=True):
    """A batch on its way: its place in the order of all, and when it was sent, in seconds of the monotonic clock."""

    number: int
    batch: Batch
    at: float

    @property
    def age(self) -> float:
        """Seconds since it was sent."""
        return time.monotonic() - self.at


class Window:
    """Takes batches from a source in order, at most `width` at a time; what has to be sent again comes first."""

    def __init__(self, source: Callable[[], Batch | None], width: int) -> None:
        self._source = source
        self._full_width = self._width = width
        self._taken = 0
        self._sent: dict[str, Sent] = {}
        self._again: list[Sent] = []
        self._last_answer = 0.0

    def __len__(self) -> int:
        return len(self._sent)

    @property
    def has_room(self) -> bool:
        """Whether another batch may be sent, if there is one."""
        return len(self._sent) < self._width

    def take(self) -> Batch | None:
        """The next batch, from now on in flight; None where the window is full or the source has none to give."""
        if len(self._sent) >= self._width:
            return None
        if self._again:
            sent = self._again.pop(0)
            number, batch = sent.number, sent.batch
        elif fresh := self._source():
            self._taken += 1
            number, batch = self._taken, fresh
        else:
            return None
        self._sent[batch.id] = Sent(number, batch, time.monotonic())
        return batch

    def land(self, batch_id: str | None) -> Sent | None:
        """The batch with this id is answered; None stands for the only one there is."""
        self._last_answer = time.monotonic()
        if batch_id is None:
            return self._sent.popitem()[1] if len(self._sent) == 1 else None
        return self._sent.pop(batch_id, None)

    def again(self, sent: Sent) -> None:
        """The batch is to be sent once more, before all that follow it."""
        insort(self._again, sent, key=lambda each: each.number)

    def restart(self) -> int:
        """The connection is lost: what was in flight is to be sent again; how many batches that are."""
        unanswered = len(self._sent)
        for sent in self._sent.values():
            self.again(sent)
        self._sent.clear()
        return unanswered

    def start(self) -> None:
        """There is a new connection."""
        self._last_answer = time.monotonic()

    def narrow(self) -> None:
        """From now on one at a time, to find out which one it is that the service stumbles over."""
        self._width = 1

    def widen(self) -> None:
        """From now on the whole window."""
        self._width = self._full_width

    def deadline(self, patience: float) -> float:
        """When the connection is taken for dead: `patience` seconds after the last answer, or if one is left out."""
        now = time.monotonic()
        oldest = min((sent.at for sent in self._sent.values()), default=now)
        return min(max(oldest, self._last_answer) + patience, oldest + 4 * patience)
