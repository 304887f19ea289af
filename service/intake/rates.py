"""Limits the readings per second of each address by a token bucket. A rate of 0 means no limit.

See https://en.wikipedia.org/wiki/Token_bucket. A bucket holds the readings of one second. A batch may take more than
the bucket holds, which leaves a debt, so that a batch larger than the rate is still accepted.
"""

import math
import time
from collections import OrderedDict

MAX_ADDRESSES = 10_000
"""The most addresses with a bucket; the ones that have been silent for longest are forgotten first."""


class Rates:
    def __init__(self, readings_per_second: float) -> None:
        self._rate = readings_per_second
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, readings: int) -> None:
        """Count accepted readings of an address."""
        if self._rate:
            now = time.monotonic()
            self._buckets[address] = (self._tokens(address, now) - readings, now)
            self._buckets.move_to_end(address)
            if len(self._buckets) > MAX_ADDRESSES:
                self._buckets.popitem(last=False)

    def wait(self, address: str) -> int:
        """Whole seconds until this address may send again; 0 means now."""
        if not self._rate:
            return 0
        return math.ceil(max(0.0, -self._tokens(address, time.monotonic()) / self._rate))

    def _tokens(self, address: str, now: float) -> float:
        tokens, since = self._buckets.get(address, (self._rate, now))
        return min(self._rate, tokens + (now - since) * self._rate)
