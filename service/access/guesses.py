"""Slows down who tries keys: an address that sent many wrong keys is told to wait before the next one.

Whoever sends a right key isn't slowed, even from the same address: behind one address there may be a whole factory, in
which one device has an old key. That is safe because nobody can guess 256 random bits; what is saved is work, and what
is gained is that somebody notices.
"""

import math
import time
from collections import OrderedDict

AT_ONCE = 20
"""Wrong keys that an address may send one after the other."""
EVERY = 3.0
"""Seconds after which it may send another."""
MAX_ADDRESSES = 10_000
"""The most addresses that are remembered; those whose last wrong key is longest ago are forgotten first."""


class Guesses:
    """The wrong keys of each address, by a token bucket."""

    def __init__(self) -> None:
        self._addresses: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wrong(self, address: str) -> int:
        """Count a wrong key, and return the whole seconds until the address may send another; 0 means at once. One that
        has to wait isn't counted again, so that the wait ends."""
        now = time.monotonic()
        left, since = self._addresses.get(address, (float(AT_ONCE), now))
        left = min(float(AT_ONCE), left + (now - since) / EVERY)
        if left < 1:
            return math.ceil((1 - left) * EVERY)
        self._addresses[address] = (left - 1, now)
        self._addresses.move_to_end(address)
        if len(self._addresses) > MAX_ADDRESSES:
            self._addresses.popitem(last=False)
        return 0
