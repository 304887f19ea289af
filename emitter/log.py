"""Log lines that a person can read, on standard error; and what is wrong, said once while it stays so."""

import logging
import sys
import time

import structlog

QUIET = 60.0
"""Seconds before the same is said again."""

log = structlog.get_logger()


def configure(level: str) -> None:
    """Logs from `level` up. `sys.stderr` is looked up for each line: a progress bar puts itself in its place."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%H:%M:%S", utc=False),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0, sort_keys=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )


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
