"""The names of the series, for choosers."""

import math
import time
from datetime import UTC, datetime, timedelta

from service.store.database import DatabaseServer
from service.store.pool import Pool

SINCE = {"community": timedelta(days=400), "apache": timedelta(days=1)}
"""How far back series are looked for. It is short on the Apache edition, where all readings of that time have to be
read."""
FRESH = 5.0
"""Seconds for which the names are cached."""


class Series:
    def __init__(self, pool: Pool, server: DatabaseServer) -> None:
        self._pool, self._since = pool, SINCE[server.edition]
        self.fresh_for = FRESH
        self._names: list[str] = []
        self._read_at = -math.inf

    async def names(self) -> list[str]:
        """The names of the series that have readings, sorted, a few thousand at most; they may be `fresh_for` seconds
        old."""
        if time.monotonic() - self._read_at >= self.fresh_for:
            today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
            self._names = [name for (name,) in await self._pool.read("series", today - self._since)]
            self._read_at = time.monotonic()
        return self._names
