"""Counts the readings of a load, and measures how long acknowledgements take."""

import math
import time

import msgspec

from emitter.producer import Answer, Batch, Refused, Tally

FINEST, WIDTH, SLOTS = 1e-5, 1.02, 1000
"""The histogram's first bound in seconds, the ratio of a bound to the one before, and the number of bounds. It reaches
up to an hour, and is exact to one percent."""

_SCALE = 1 / math.log(WIDTH)


class Latencies:
    """A histogram of latencies in seconds, which takes constant memory."""

    def __init__(self) -> None:
        self.count = 0
        self.longest = 0.0
        self._slots = [0] * SLOTS

    def add(self, seconds: float) -> None:
        slot = int(math.log(seconds / FINEST) * _SCALE) if seconds > FINEST else 0
        self._slots[min(slot, SLOTS - 1)] += 1
        self.count += 1
        self.longest = max(self.longest, seconds)

    def join(self, other: "Latencies") -> None:
        """Adds all latencies of another histogram."""
        self.count += other.count
        self.longest = max(self.longest, other.longest)
        self._slots = [mine + theirs for mine, theirs in zip(self._slots, other._slots, strict=True)]

    def percentile(self, share: float) -> float:
        """The seconds within which that share of the latencies lies, to one percent; 0 where there are none."""
        rank, seen = share * self.count, 0
        for slot, count in enumerate(self._slots):
            seen += count
            if count and seen >= rank:
                return float(min(FINEST * WIDTH ** (slot + 0.5), self.longest))
        return 0.0


class Score(Tally):
    """Counts readings by their outcome, and measures latencies; `recent` has those since the last `turn()`."""

    unanswered: int = 0
    """Readings that are in flight, or have to be sent again."""
    connected: int = 0
    """The number of open connections."""
    sent_bytes: int = 0
    received_bytes: int = 0
    refusal: str = ""
    """The reason of the first refusal."""
    last_answer: float = 0.0
    """The time of the last answer, on the monotonic clock."""
    total: Latencies = msgspec.field(default_factory=Latencies)
    recent: Latencies = msgspec.field(default_factory=Latencies)

    @property
    def answered(self) -> int:
        """The number of readings that are committed."""
        return self.written + self.duplicates

    def settle(self, batch: Batch, answer: Answer, seconds: float) -> None:
        """Counts the final answer to a batch, so many seconds after it was sent."""
        self.count(batch.readings, answer)
        self.unanswered -= batch.readings
        if isinstance(answer, Refused):
            self.refusal = self.refusal or str(answer.problem)
        else:
            self.last_answer = time.monotonic()
            self.recent.add(seconds)

    def turn(self) -> Latencies:
        """The latencies since the last call, which are added to the total."""
        recent, self.recent = self.recent, Latencies()
        self.total.join(recent)
        return recent
