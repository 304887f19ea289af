"""What a load came to: counts, and how long acknowledgements took."""

import math
import time

import msgspec

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


class Score(msgspec.Struct):
    """Readings by what became of them, and what it took; `recent` holds the latencies since `turn()`."""

    written: int = 0
    duplicates: int = 0
    refused: int = 0
    unanswered: int = 0
    """In flight, or to be sent again."""
    retries: int = 0
    """Batches sent once more."""
    connected: int = 0
    connections: int = 0
    """Made in all."""
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

    def acknowledge(self, readings: int, seconds: float, *, duplicate: bool) -> None:
        """A batch is committed, so long after it was sent."""
        if duplicate:
            self.duplicates += readings
        else:
            self.written += readings
        self.unanswered -= readings
        self.last_answer = time.monotonic()
        self.recent.add(seconds)

    def refuse(self, readings: int, reason: str) -> None:
        """A batch will never be committed."""
        self.refused += readings
        self.unanswered -= readings
        self.refusal = self.refusal or reason

    def turn(self) -> Latencies:
        """The latencies since the last call, which from now on count among all."""
        recent, self.recent = self.recent, Latencies()
        self.total.join(recent)
        return recent
