"""The names of the series, for choosers."""

import time
from datetime import UTC, datetime, timedelta

from service.store.database import Server
from service.store.pool import Pool

SINCE = {"community": timedelta(days=400), "apache": timedelta(days=1)}
"""How far back to look: on the Apache edition that means to read all readings of that time."""
FRESH = 5.0
"""Seconds for which the names are remembered."""


class Series:
    """Which series there are; a few seconds old at most."""

    def __init__(self, pool: Pool, server: Server) -> None:
        self._pool, self._since = pool, SINCE[server.edition]
        self._names: list[str] = []
        self._until = 0.0

    async def names(self) -> list[str]:
        """The names in order; those beyond the first few thousand are left out."""
        if time.monotonic() >= self._until:
            today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            self._names = [name for (name,) in await self._pool.read("series", today - self._since)]
            self._until = time.monotonic() + FRESH
        return self._names
