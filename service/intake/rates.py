"""Limits the readings per second of each address, or of each key that has a rate of its own, by a token bucket. A rate
of 0 means no limit.

See https://en.wikipedia.org/wiki/Token_bucket. A bucket holds the readings of one second. A batch may take more than
the bucket holds, which leaves a debt, so that a batch larger than the rate is still accepted.
"""

import math
import time
from collections import OrderedDict

MAX_SENDERS = 10_000
"""The most senders with a bucket; the ones that have been silent for longest are forgotten first."""


class Rates:
    def __init__(self, readings_per_second: float) -> None:
        self._rate = readings_per_second
        self._buckets: OrderedDict[str | int, tuple[float, float]] = OrderedDict()

    def take(self, sender: str | int, readings: int, rate: float | None = None) -> None:
        """Count accepted readings of an address, or of a key (by its id) with a rate of its own."""
        rate = self._rate if rate is None else rate
        if rate:
            now = time.monotonic()
            self._buckets[sender] = (self._tokens(sender, rate, now) - readings, now)
            self._buckets.move_to_end(sender)
            if len(self._buckets) > MAX_SENDERS:
                self._buckets.popitem(last=False)

    def wait(self, sender: str | int, rate: float | None = None) -> int:
        """Whole seconds until this sender may send again; 0 means now."""
        rate = self._rate if rate is None else rate
        if not rate:
            return 0
        return math.ceil(max(0.0, -self._tokens(sender, rate, time.monotonic()) / rate))

    def _tokens(self, sender: str | int, rate: float, now: float) -> float:
        tokens, since = self._buckets.get(sender, (rate, now))
        return min(rate, tokens + (now - since) * rate)
