"""What is on its way: the batches sent on the present connection that have no answer yet."""

import time

import msgspec

from emitter.spool import Spool, Spooled


class Sent(msgspec.Struct, frozen=True):
    """A batch on its way, and when it was sent, in seconds of the monotonic clock."""

    spooled: Spooled
    at: float

    @property
    def age(self) -> float:
        """Seconds since it was sent."""
        return time.monotonic() - self.at


class Flight:
    """Takes the batches of a spool in order, at most a window of them at a time."""

    def __init__(self, spool: Spool, window: int) -> None:
        self._spool = spool
        self._window = window
        self._width = window
        self._sent: dict[str, Sent] = {}
        self._reached = 0
        self._last_answer = 0.0

    def __len__(self) -> int:
        return len(self._sent)

    def restart(self) -> None:
        """A new connection: everything is to be sent again."""
        self._sent.clear()
        self._reached = 0
        self._last_answer = time.monotonic()

    def take(self) -> Spooled | None:
        """The oldest batch that isn't on its way, now it is; None where the window or the spool has none to give."""
        if len(self._sent) >= self._width:
            return None
        spooled = self._spool.after(self._reached)
        while spooled and spooled.batch.id in self._sent:
            spooled = self._spool.after(spooled.number)
        if spooled:
            self._reached = spooled.number
            self._sent[spooled.batch.id] = Sent(spooled, time.monotonic())
        return spooled

    def land(self, batch_id: str | None) -> Sent | None:
        """The batch with this id is answered; None stands for the only one there is."""
        self._last_answer = time.monotonic()
        if batch_id is None:
            return self._sent.popitem()[1] if len(self._sent) == 1 else None
        return self._sent.pop(batch_id, None)

    def again(self, sent: Sent) -> None:
        """The batch is to be taken once more."""
        self._reached = min(self._reached, sent.spooled.number - 1)

    def narrow(self) -> None:
        """From now on one at a time, to find out which one it is that the service stumbles over."""
        self._width = 1

    def widen(self) -> None:
        """From now on the whole window."""
        self._width = self._window

    def deadline(self, patience: float) -> float:
        """When the connection is taken for dead: `patience` seconds after the last answer, or if one is left out."""
        now = time.monotonic()
        oldest = min((sent.at for sent in self._sent.values()), default=now)
        return min(max(oldest, self._last_answer) + patience, oldest + 4 * patience)
