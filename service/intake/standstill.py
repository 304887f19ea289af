"""Why nothing is written at the moment, as attempts to commit have shown; the log says when that begins and ends."""

import structlog

log = structlog.stdlib.get_logger("writer")


class Standstill:
    """Commits that fail, or that neither fail nor end, as where the database waits for a standby."""

    def __init__(self) -> None:
        self.why: str | None = None
        """Why the newest attempt has failed, in the database's words, and why the first one has; None where the newest
        didn't fail."""
        self._first = ""
        self._is_slow = False

    def failed(self, why: str) -> None:
        """Note why an attempt has failed. The first failure is told as long as others follow from it: a server that
        stops because its disk is full says so only once."""
        if self.why is None:
            log.warning("commits are held up", why=why)
            self._first = why
        self.why = why if why == self._first else f"{why} At first: {self._first}"

    def answered(self) -> None:
        """Note that the database has answered."""
        if self.why is not None:
            log.info("commits go on")
            self.why = None

    def look(self, slow: str | None) -> None:
        """Note why readings wait for too long, or None where they don't. What is held up by failures was told of."""
        if slow is not None and not self._is_slow and self.why is None:
            log.warning("readings wait", why=slow)
            self._is_slow = True
        elif slow is None and self._is_slow:
            log.info("readings are written again")
            self._is_slow = False
