"""How long to wait after failures, and when to give up."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

FIRST, LONGEST = 0.1, 5.0
"""Seconds before the first retry, and at most before later ones."""
LONGEST_ASKED = 300.0
"""The longest wait that a service may ask for, in seconds."""

_random = random.SystemRandom()


class Backoff:
    """Waiting times that double with each failure in a row, shortened at random so that not all producers return at
    once.

    `patience`: seconds of uninterrupted failure after which to give up; None means never.
    """

    def __init__(self, patience: float | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._clock = clock
        self._failures = 0
        self._failing_since = 0.0

    def succeed(self) -> None:
        """Starts again: the next failure counts as the first one."""
        self._failures = 0

    def fail(self, asked: float | None = None) -> float:
        """The seconds to wait after one more failure, at least those that the service `asked` for."""
        if not self._failures:
            self._failing_since = self._clock()
        longest = min(LONGEST, FIRST * 2 ** min(self._failures, 10))
        self._failures += 1
        return max(_random.uniform(longest / 2, longest), min(asked or 0.0, LONGEST_ASKED))

    def exhausted(self, wait: float) -> bool:
        """Whether the patience would be over after waiting once more."""
        return self._patience is not None and self._clock() + wait - self._failing_since > self._patience


def retry_after(header: str | None) -> float | None:
    """The seconds in a Retry-After header, which is a number or a date."""
    if not header:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, (parsedate_to_datetime(header) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None
