"""Reads what an installation has on its server, how large it is, and how it does. Nothing is changed."""

from datetime import UTC, datetime, timedelta

import msgspec

from service.period.kept import ALL_KEPT, Kept
from service.store.database import DatabaseServer
from service.store.jobs import Job, Jobs
from service.store.pool import Pool


class Health(msgspec.Struct, frozen=True):
    """What decides how well the server keeps what it was given. `awaited` are the standbys for which a COMMIT waits, as
    synchronous_standby_names says, or ""; `unconfirmed` is for how long one of the service's has waited for them.
    `ahead` is by how much its clock is ahead of ours."""

    fsync: bool
    full_page_writes: bool
    synchronous_commit: bool
    awaited: str
    unconfirmed: timedelta
    autovacuum: bool
    locks: int
    is_replica: bool
    ahead: timedelta


class Table(msgspec.Struct, frozen=True):
    """What a table takes on the disk in bytes; of hypertables, in how many chunks, how many of which are in the
    columnstore, and when the first of them begins."""

    name: str
    bytes: int
    chunks: int | None
    in_columnstore: int | None
    since: datetime | None


class Lag(msgspec.Struct, frozen=True):
    """Up to when minutes are materialised, how many late minutes wait for a refresh, the oldest of them, and whether
    there are readings of over an hour ago that aren't materialised."""

    watermark: datetime | None
    late: int
    oldest: datetime | None
    is_behind: bool


class Findings(msgspec.Struct, frozen=True):
    """All that was found."""

    health: Health
    tables: tuple[Table, ...]
    readings: int
    jobs: tuple[Job, ...]
    kept: Kept
    lag: Lag | None
    refreshed: timedelta | None
    """How far back the database's own jobs refresh; None where that is from the beginning, or there are none."""
    writing: int
    """How many committers have written within ten minutes."""
    earlier: int
    """How many of these are of an earlier version."""
    has_keys: bool
    series: int

    @property
    def per_reading(self) -> float | None:
        """The bytes that a reading takes, its index and its share of the columnstore included."""
        size = next((one.bytes for one in self.tables if one.name == "reading"), 0)
        return size / self.readings if self.readings > 0 else None


class Examination:
    """Looks an installation over."""

    def __init__(self, pool: Pool, server: DatabaseServer) -> None:
        self._pool, self._edition, self._jobs = pool, server.edition, Jobs(pool, server)

    async def examine(self) -> Findings:
        """What there is at the moment."""
        [[readings]] = await self._pool.read("examined_readings")
        [[writing, earlier]] = await self._pool.read("examined_writers")
        [[has_keys]] = await self._pool.read("any_keys")
        [[series]] = await self._pool.read("count_series")
        tables = tuple(Table(*row) for row in await self._pool.read("examined_sizes"))
        health = await self._health()
        if self._edition == "apache":
            return Findings(health, tables, readings, (), ALL_KEPT, None, None, writing, earlier, has_keys, series)
        [kept] = await self._pool.read("kept")
        windows = await self._pool.read("refresh_windows")
        return Findings(
            health,
            tables,
            readings,
            await self._jobs.known(),
            Kept(*kept),
            await self._lag(),
            windows[0]["start"] if windows else None,
            writing,
            earlier,
            has_keys,
            series,
        )

    async def _health(self) -> Health:
        before = datetime.now(UTC)
        [row] = await self._pool.read("examined_server")
        found, after = dict(row), datetime.now(UTC)
        ahead = found.pop("clock") - (before + (after - before) / 2)
        return Health(**found, ahead=ahead)

    async def _lag(self) -> Lag:
        [[watermark, late, oldest]] = await self._pool.read("examined_lag")
        ago = datetime.now(UTC) - timedelta(hours=1)
        is_behind = False
        if watermark is not None and watermark < ago:
            [[is_behind]] = await self._pool.read("any_between", watermark, ago)
        return Lag(watermark, late, oldest, is_behind)
