"""How far behind rollups and standby servers are, for the metrics: read when somebody asks, at most every few
seconds."""

import asyncio
import time
from contextlib import suppress

from service.collectors import Delays
from service.errors import Unavailable
from service.store.lag import Lags

FRESH = 10.0
"""Seconds for which it is kept."""
PATIENCE = 2.0
"""Seconds that the database may take to answer; then nothing is known."""


class LagWatch:
    """What the database last said of it."""

    def __init__(self, lags: Lags) -> None:
        self._lags = lags
        self._read, self._lock = -FRESH, asyncio.Lock()
        self.current = Delays()
        """As last read; nothing where the database couldn't be asked."""

    async def refresh(self) -> None:
        """Read it unless it is fresh."""
        async with self._lock:
            if time.monotonic() - self._read < FRESH:
                return
            self.current = Delays()
            with suppress(Unavailable):
                rollups = await self._lags.rollups(PATIENCE)
                standbys = await self._lags.standbys(PATIENCE)
                self.current = Delays(rollups, [(one.name, one.address, one.seconds, one.bytes) for one in standbys])
            self._read = time.monotonic()
