"""What a load came to: counts, and how long acknowledgements took."""

import math
import time

import msgspec

from emitter.producer import Answer, Batch, Refusal, Tally

FINEST, WIDTH, SLOTS = 1e-5, 1.02, 1000
"""The histogram's first bound in seconds, the ratio of two bounds, their number: up to an hour, to one percent."""

_SCALE = 1 / math.log(WIDTH)


class Latencies:
    """Any number of seconds in constant memory."""

    def __init__(self) -> None:
        self.count = 0
        self.longest = 0.0
        self._slots = [0] * SLOTS

    def add(self, seconds: float) -> None:
        """One more."""
        slot = int(math.log(seconds / FINEST) * _SCALE) if seconds > FINEST else 0
        self._slots[min(slot, SLOTS - 1)] += 1
        self.count += 1
        self.longest = max(self.longest, seconds)

    def join(self, other: "Latencies") -> None:
        """All of the other's as well."""
        self.count += other.count
        self.longest = max(self.longest, other.longest)
        self._slots = [mine + theirs for mine, theirs in zip(self._slots, other._slots, strict=True)]

    def percentile(self, share: float) -> float:
        """The seconds within which that share of them lies, to one percent; 0 where there are none."""
        rank, seen = share * self.count, 0
        for slot, count in enumerate(self._slots):
            seen += count
            if count and seen >= rank:
                return float(min(FINEST * WIDTH ** (slot + 0.5), self.longest))
        return 0.0


class Score(Tally):
    """Readings by what became of them, and what it took; `recent` holds the latencies since `turn()`."""

    unanswered: int = 0
    """In flight, or to be sent again."""
    connected: int = 0
    """Connections there are."""
    sent_bytes: int = 0
    received_bytes: int = 0
    refusal: str = ""
    """The first reason that was given."""
    last_answer: float = 0.0
    """On the monotonic clock."""
    total: Latencies = msgspec.field(default_factory=Latencies)
    recent: Latencies = msgspec.field(default_factory=Latencies)

    @property
    def answered(self) -> int:
        """Readings that are committed."""
        return self.written + self.duplicates

    def settle(self, batch: Batch, answer: Answer, seconds: float) -> None:
        """A batch is done with, so long after it was sent."""
        self.count(batch.readings, answer)
        self.unanswered -= batch.readings
        if isinstance(answer, Refusal):
            self.refusal = self.refusal or str(answer.problem)
        else:
            self.last_answer = time.monotonic()
            self.recent.add(seconds)

    def turn(self) -> Latencies:
        """The latencies since the last call, which from now on count among all."""
        recent, self.recent = self.recent, Latencies()
        self.total.join(recent)
        return recent
