"""The store: the only package that talks SQL while the service runs. Rows become typed values here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.errors import Unavailable
from service.store.batches import FORGOTTEN, Batches
from service.store.buckets import Buckets
from service.store.database import Server, session
from service.store.facts import Facts
from service.store.jobs import Job, Jobs
from service.store.pool import PLANNED, Pool, open_pool
from service.store.records import Excerpt, Record, Records
from service.store.rollups import Rollups
from service.store.series import Series
from service.store.totals import Glances

WRITING, READING = 4, 6
"""Connections for what is written and for what is read: slow charts, however many, never keep a reading waiting."""
PING_TIMEOUT = 2.0
"""Seconds: whoever asks whether the service is ready doesn't wait for long."""

__all__ = ["FORGOTTEN", "Excerpt", "Job", "Record", "Store", "open_store"]


class Store:
    """The relations of one installation, by what is done with them."""

    def __init__(self, writing: Pool, reading: Pool, server: Server) -> None:
        self._writing, self._reading = writing, reading
        self.server = server
        self.batches = Batches(writing, server)
        self.buckets = Buckets(reading)
        self.facts = Facts(reading, server)
        self.glances = Glances(reading)
        self.jobs = Jobs(writing, server)
        self.records = Records(reading)
        self.rollups = Rollups(writing)
        self.series = Series(reading, server)

    async def ping(self) -> None:
        """Unavailable where the database doesn't answer or takes no writes."""
        try:
            async with asyncio.timeout(PING_TIMEOUT):
                [row] = await self._writing.read("ping")
        except TimeoutError as exc:
            raise Unavailable(f"The database doesn't answer within {PING_TIMEOUT:g} seconds.") from exc
        if row[0]:
            raise Unavailable("The database is a read-only replica.")


@asynccontextmanager
async def open_store(url: str, search_path: str, server: Server) -> AsyncIterator[Store]:
    """A store on its own connections, which are closed afterwards."""
    read = session(search_path) | PLANNED
    # the embedded engine has one session, and would set it up anew whenever it goes from the one to the other
    write = read if server.embedded else session(search_path)
    async with (
        open_pool(url, write, WRITING, server.edition) as writing,
        open_pool(url, read, READING, server.edition) as reading,
    ):
        yield Store(writing, reading, server)
