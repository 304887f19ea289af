"""How many readings one address may send: a token bucket for each, off where the rate is 0.

https://en.wikipedia.org/wiki/Token_bucket; a bucket holds one second's worth, and may go into debt for one batch, so
that a batch larger than the rate is still taken.
"""

import math
import time
from collections import OrderedDict

MAX_ADDRESSES = 10_000
"""Addresses remembered; those that were silent longest are forgotten first."""


class Rates:
    """The buckets of all addresses."""

    def __init__(self, readings_per_second: float) -> None:
        self._rate = readings_per_second
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str, readings: int) -> None:
        """Count readings that were accepted from an address."""
        if self._rate:
            now = time.monotonic()
            self._buckets[address] = (self._tokens(address, now) - readings, now)
            self._buckets.move_to_end(address)
            if len(self._buckets) > MAX_ADDRESSES:
                self._buckets.popitem(last=False)

    def wait(self, address: str) -> int:
        """Whole seconds until this address may send again; 0 is now."""
        if not self._rate:
            return 0
        return math.ceil(max(0.0, -self._tokens(address, time.monotonic()) / self._rate))

    def _tokens(self, address: str, now: float) -> float:
        tokens, since = self._buckets.get(address, (self._rate, now))
        return min(self._rate, tokens + (now - since) * self._rate)
