"""The batches in flight, which were sent on the present connection and have no answer yet."""

import time
from bisect import insort
from collections.abc import Callable

import msgspec

from emitter.producer.readings import Batch


class Sent(msgspec.Struct, frozen=True):
    """A batch in flight, its number in the order of all batches, and when it was sent, in seconds of the monotonic
    clock."""

    number: int
    batch: Batch
    at: float

    @property
    def age(self) -> float:
        """Seconds since it was sent."""
        return time.monotonic() - self.at


class Window:
    """Takes batches from a source in order, at most `width` at a time. Batches that have to be sent again come
    first."""

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
        """Whether another batch may be sent."""
        return len(self._sent) < self._width

    def take(self) -> Batch | None:
        """The next batch, which is then in flight; None where the window is full or the source has no batch."""
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
        """Removes the batch with this id, because it is answered; None stands for the only batch in flight."""
        self._last_answer = time.monotonic()
        if batch_id is None:
            return self._sent.popitem()[1] if len(self._sent) == 1 else None
        return self._sent.pop(batch_id, None)

    def again(self, sent: Sent) -> None:
        """Arranges that the batch is sent again, before all that follow it."""
        insort(self._again, sent, key=lambda each: each.number)

    def restart(self) -> int:
        """Arranges that all batches in flight are sent again, because the connection is lost. Returns how many these
        are."""
        unanswered = len(self._sent)
        for sent in self._sent.values():
            self.again(sent)
        self._sent.clear()
        return unanswered

    def start(self) -> None:
        """Begins a new connection."""
        self._last_answer = time.monotonic()

    def narrow(self) -> None:
        """Sends one batch at a time from now on, to find out which one the service can't handle."""
        self._width = 1

    def widen(self) -> None:
        """Sends up to a whole window again."""
        self._width = self._full_width

    def deadline(self, patience: float) -> float:
        """When the connection is taken for dead: `patience` seconds after the last answer, but at most four times as
        long after the oldest batch in flight was sent."""
        now = time.monotonic()
        oldest = min((sent.at for sent in self._sent.values()), default=now)
        return min(max(oldest, self._last_answer) + patience, oldest + 4 * patience)
