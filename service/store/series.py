"""The names of all series, from their table: which of them a reader sees, and those for choosers."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import asyncpg
import msgspec
import structlog
from cachetools import LRUCache

from service.errors import TaktlineError
from service.period.selection import BEGINNING, SeriesFilter
from service.store.database import DatabaseServer
from service.store.pool import Pool

SINCE = {"community": timedelta(days=400), "apache": timedelta(days=1)}
"""How far back is looked where no period is given. It is short on the Apache edition, where all readings of that time
have to be read."""
FRESH = 5.0
"""Seconds for which the names for choosers are kept."""
PATIENCE = 0.3
"""Seconds that a page waits for the names of its chooser."""
READ_LIMIT = 5.0
"""Seconds after which reading them is given up."""
MOST_KEPT = 4_000_000
"""The characters of names that are kept for choosers, of all whose patterns differ."""
LONGEST = 200 * "\U0010ffff"
"""No name comes after this one."""

log = structlog.stdlib.get_logger("series")


class Reader(Protocol):
    """What reads rows: a pool, or a snapshot of the database."""

    async def read(self, name: str, *args: object) -> list[asyncpg.Record]: ...


async def names_of(reader: Reader, series: SeriesFilter) -> tuple[str, ...] | None:
    """The names of the series that a filter lets through at this moment; None where it lets all through."""
    if series.names is not None or series.patterns is None:
        return series.names
    beginnings = [pattern.partition("*")[0] for pattern in series.patterns]
    ends = [first + LONGEST if "*" in each else first for first, each in zip(beginnings, series.patterns, strict=True)]
    rows = await reader.read("series_matching", [like(each) for each in series.patterns], beginnings, ends)
    return tuple(name for (name,) in rows)


def like(pattern: str) -> str:
    """The LIKE pattern that matches the same names as a pattern of ours, in which `*` stands for any text."""
    return "".join({"*": "%", "%": r"\%", "_": r"\_", "\\": r"\\"}.get(each, each) for each in pattern)


class _Kept(msgspec.Struct):
    """The names for the choosers of some patterns, and when they were last asked for."""

    names: list[str]
    asked: float

    @property
    def characters(self) -> int:
        return 100 + sum(map(len, self.names))


class Series:
    """The table of names. Batches adds to it."""

    def __init__(self, reading: Pool, primary: Pool, writing: Pool, server: DatabaseServer) -> None:
        self._pool, self._primary, self._writing = reading, primary, writing
        self._noted_since = BEGINNING if server.edition == "community" else None
        self.fresh_for, self.patience = FRESH, PATIENCE
        self._kept: LRUCache[tuple[str, ...] | None, _Kept] = LRUCache(MOST_KEPT, getsizeof=lambda it: it.characters)
        self._under_way: dict[tuple[str, ...] | None, tuple[asyncio.Task[None], float]] = {}
        self._turn = asyncio.Semaphore(1)

    async def names(self, patterns: tuple[str, ...] | None = None) -> list[str]:
        """The names of the series to choose from, in order, a few thousand at most: of those that match one of the
        patterns, or of all.

        They may be `fresh_for` seconds old, and older where the database is slow or away: a page doesn't fail for want
        of them, and waits `patience` seconds at most.
        """
        kept, now = self._kept.get(patterns), time.monotonic()
        if kept is None or now - kept.asked >= self.fresh_for:
            if patterns not in self._under_way:
                self._under_way[patterns] = asyncio.create_task(self._renew(patterns)), now
            task, began = self._under_way[patterns]
            # nobody waits for a read that is slow already
            await asyncio.wait([task], timeout=max(0, began + self.patience - now))
            kept = self._kept.get(patterns)
        return kept.names if kept is not None else []

    async def existing(self, names: Sequence[str]) -> list[str]:
        """Those of the names that are in the table."""
        return [name for (name,) in await self._primary.read("existing_series", names)]

    async def first(self, count: int) -> list[str]:
        """So many names, or all where there are fewer."""
        return [name for (name,) in await self._primary.read("first_series", count)]

    async def count(self) -> int:
        """How many names there are."""
        [[count]] = await self._primary.read("count_series")
        return int(count)

    async def note_missed(self) -> int:
        """Add the names that replicas of earlier versions have left out, and return how many there were."""
        [[any_missing, settled]] = await self._writing.read("unnoted_series")
        if not any_missing:
            return 0
        since = self._noted_since or datetime.now(UTC) - SINCE["apache"]
        added = await self._writing.execute("note_series", since, await self._writing.upto())
        await self._writing.execute("series_are_noted", settled)
        return int(added.split()[-1])

    async def _renew(self, patterns: tuple[str, ...] | None) -> None:
        asked, before = time.monotonic(), self._kept.get(patterns)
        try:
            async with self._turn, asyncio.timeout(READ_LIMIT):
                rows = await self._pool.read("series", patterns and [like(each) for each in patterns])
                names = [name for (name,) in rows]
        except (TaktlineError, TimeoutError) as exc:
            log.warning("the names of the series can't be read", why=str(exc) or type(exc).__name__)
            names = before.names if before is not None else []
        finally:
            del self._under_way[patterns]
        kept = _Kept(names, asked)
        if kept.characters <= self._kept.maxsize:
            self._kept[patterns] = kept
