"""Saying what is wrong once, and not every five seconds while it stays so."""

import time

import structlog

QUIET = 60.0
"""Seconds before the same is said again."""

log = structlog.get_logger()


class Complaints:
    """Warnings about the connection; the same one again soon is only logged at DEBUG."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """All is well: whatever comes next is news."""
        self._said = ""
        self._at = 0.0

    def say(self, reason: str, delay: float, waiting: int) -> None:
        """What is wrong, the seconds until the next attempt, and the readings that wait for it."""
        known = reason == self._said and time.monotonic() - self._at < QUIET
        write = log.debug if known else log.warning
        write(f"{reason}; trying again in {delay:.1f} s", waiting=waiting)
        if not known:
            self._said, self._at = reason, time.monotonic()
