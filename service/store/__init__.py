"""The store: the only package that talks SQL while the service runs. Rows become typed values here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.database import Server
from service.errors import Unavailable
from service.store.batches import Batches
from service.store.buckets import Buckets
from service.store.pool import Pool, open_pool
from service.store.records import Excerpt, Record, Records
from service.store.rollups import Rollups
from service.store.series import Series
from service.store.totals import Glances

PING_TIMEOUT = 2.0
"""Seconds: whoever asks whether the service is ready doesn't wait for long."""

__all__ = ["Excerpt", "Record", "Store", "open_store"]


class Store:
    """The relations of one installation, by what is done with them."""

    def __init__(self, pool: Pool, server: Server) -> None:
        self._pool = pool
        self.server = server
        self.batches = Batches(pool, server)
        self.buckets = Buckets(pool)
        self.glances = Glances(pool)
        self.records = Records(pool)
        self.rollups = Rollups(pool)
        self.series = Series(pool, server)

    async def ping(self) -> None:
        """Unavailable where the database doesn't answer or takes no writes."""
        try:
            async with asyncio.timeout(PING_TIMEOUT):
                [row] = await self._pool.read("ping")
        except TimeoutError as exc:
            raise Unavailable(f"The database doesn't answer within {PING_TIMEOUT:g} seconds.") from exc
        if row[0]:
            raise Unavailable("The database is a read-only replica.")


@asynccontextmanager
async def open_store(url: str, search_path: str, server: Server) -> AsyncIterator[Store]:
    """A store on its own pool of connections, which is closed afterwards."""
    async with open_pool(url, search_path) as pool:
        yield Store(pool, server)
