"""For how long nothing happens that should."""

import time


class Silence:
    """Measures for how long nothing has happened, in seconds."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._longest = 0.0

    def begin(self) -> None:
        """Forget what was."""
        self._last, self._longest = time.monotonic(), 0.0

    def end(self) -> None:
        """It happens just now."""
        self._longest = self.longest
        self._last = time.monotonic()

    @property
    def now(self) -> float:
        """For how long nothing has happened."""
        return time.monotonic() - self._last

    @property
    def longest(self) -> float:
        """For how long at most, up to now."""
        return max(self._longest, self.now)
