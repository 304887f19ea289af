"""The store: the only package that talks SQL while the service runs. Rows become typed values here."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.errors import Unavailable
from service.store.alerts import Alerts
from service.store.batches import FORGOTTEN, Batches
from service.store.blockers import Blocker, Blockers
from service.store.buckets import Buckets
from service.store.checks import Checks
from service.store.columns import Columns
from service.store.correcting import Corrected, Correction
from service.store.corrections import Corrections, Entry
from service.store.database import DatabaseServer, session
from service.store.database_hosts import DatabaseHosts
from service.store.facts import Facts
from service.store.inventory import LEDGERS, Inventory
from service.store.jobs import Job, Jobs
from service.store.keys import Keys
from service.store.lag import Lags
from service.store.long_ranges import LongRanges
from service.store.pool import PLANNED, REFRESHING, Pool, open_pool
from service.store.queries import sql_folder
from service.store.reading_pool import ReadCounts, ReadingPool, open_reading_pool
from service.store.records import Excerpt, Record, Records
from service.store.retention import Retention
from service.store.rollups import Rollups
from service.store.series import Series
from service.store.slices import Slices
from service.store.sql_files import sql_files
from service.store.sql_names import needed
from service.store.standby_host import StandbyState
from service.store.totals import Overview

WRITING, READING, WORKING = 6, 6, 2
"""The sizes of three pools of connections: one for writes, one for reads and one for work in the background, so that
neither slow charts nor long refreshes ever hold up the writing of readings, however many there are."""
PING_TIMEOUT = 2.0
"""Seconds that the database may take to answer a readiness probe."""

__all__ = [
    "FORGOTTEN",
    "READING",
    "Blocker",
    "Columns",
    "Corrected",
    "Correction",
    "Corrections",
    "Entry",
    "Excerpt",
    "Job",
    "Note",
    "Record",
    "Store",
    "open_store",
]


class Store:
    """Reads and writes the schema of one installation; each attribute covers one subject."""

    def __init__(
        self, writing: Pool, reading: Pool, working: Pool, server: DatabaseServer, schema: str, primary: Pool
    ) -> None:
        self.writing, self.reading, self.working = writing, reading, working
        """The three pools, of which each subject uses one."""
        self.primary = primary
        """For reads that only the primary can answer; the same as `reading` where there are no standbys."""
        self.server = server
        self.alerts = Alerts(writing)
        self.batches = Batches(writing, server, schema)
        self.corrections = Corrections(writing, reading, server, schema, self.batches)
        self.blockers = Blockers(primary, server)
        self.buckets = Buckets(reading)
        self.checks = Checks(primary)
        self.facts = Facts(reading, server)
        self.overview = Overview(reading, primary)
        self.inventory = Inventory(writing, primary, schema, *_expected(server))
        self.jobs = Jobs(working, server)
        self.keys = Keys(writing)
        self.lags = Lags(writing, server)
        self.long_ranges = LongRanges(reading)
        self.records = Records(reading)
        self.retention = Retention(working, server)
        self.rollups = Rollups(working, server)
        self.series = Series(reading, primary, writing, server)
        self.slices = Slices(working)

    def standbys(self) -> list[StandbyState]:
        """What each standby of DATABASE_READ_URL is to reads."""
        return self.reading.states if isinstance(self.reading, ReadingPool) else []

    async def ping(self) -> None:
        """Raise Unavailable where the database doesn't answer or is a read-only replica."""
        [row] = await self.writing.ask("ping", within=PING_TIMEOUT)
        if row[0]:
            raise Unavailable("The database is a read-only replica.")


@asynccontextmanager
async def open_store(
    database: str | DatabaseHosts,
    search_path: str,
    server: DatabaseServer,
    standbys: "tuple[str, ReadCounts] | None" = None,
) -> AsyncIterator[Store]:
    """Open a store with its own connection pools, which are closed when the context ends. Charts, pages and exports are
    read from standbys, if their address is given, and where such reads are counted. Raises DatabaseUnusable where that
    is the address of another database."""
    hosts = DatabaseHosts.of(database)
    read = session(search_path) | PLANNED
    # the embedded engine has a single session, and different settings would have to be applied at each change of pool
    write = read if server.embedded else session(search_path)
    work = read if server.embedded else read | REFRESHING
    async with (
        open_pool(hosts, write, WRITING, server.edition) as writing,
        open_pool(hosts, read, READING, server.edition) as primary,
        open_pool(hosts, work, WORKING, server.edition) as working,
        _reading(primary, standbys, read) as reading,
    ):
        yield Store(writing, reading, working, server, search_path.split(",")[0].strip('"'), primary)


@asynccontextmanager
async def _reading(
    primary: Pool, standbys: "tuple[str, ReadCounts] | None", settings: dict[str, str]
) -> AsyncIterator[Pool]:
    """The pool for reads: that of the primary where there are no standbys."""
    if standbys is None:
        yield primary
        return
    url, counts = standbys
    async with open_reading_pool(url, primary, settings, READING, counts) as reading:
        yield reading


def _expected(server: DatabaseServer) -> tuple[set[str], int]:
    """What the schema has on this edition, and the number of the last file that makes it."""
    schema, functions = (sql_files(sql_folder() / folder, server.edition) for folder in ("schema", "functions"))
    return needed([*schema, *functions]) | LEDGERS, schema[-1].number
