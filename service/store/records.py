"""Reads single readings: pages of them, and the newest."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from service.period.selection import UNITS, Place, Selection, SeriesFilter
from service.store.counting import Count, count, spread
from service.store.gone import remaining
from service.store.pool import Pool
from service.store.reading_pool import reread
from service.store.series import Reader, names_of
from service.store.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence

_INSTANT = timedelta(microseconds=1)


class Record(msgspec.Struct, frozen=True):
    """A reading as it is stored; `attributes` is JSON."""

    ts: datetime
    series: str
    plan: float | None
    fact: float | None
    attributes: msgspec.Raw | None


class Excerpt(msgspec.Struct, frozen=True):
    """Consecutive records of a selection, how many others come before them, how many there are in all, and the places
    of the first and the last one; and from when on readings are kept, where there were others before."""

    items: list[Record]
    before: int
    total: int
    first: Place | None
    last: Place | None
    since: datetime | None = None


class Records:
    """Reads readings in the order of time. They are counted by the rollups, so that every page costs the same."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @reread
    async def count(self, selection: Selection | None = None) -> int:
        """How many readings there are."""
        async with self._pool.snapshot() as snapshot:
            named = await _named(snapshot, selection or Selection())
            kept = (await remaining(snapshot, named)).selection
            return (await spread(snapshot, kept, 0, 0, down=True)).total

    async def newest(self, limit: int, selection: Selection | None = None) -> list[Record]:
        """The newest records of a selection."""
        return (await self.at(0, limit, selection or Selection(), down=True)).items

    @reread
    async def at(self, before: int, limit: int, selection: Selection, *, down: bool) -> Excerpt:
        """The records that come after the first `before` ones; newest first if `down`, otherwise oldest first."""
        async with self._pool.snapshot() as snapshot:
            kept = await remaining(snapshot, await _named(snapshot, selection))
            found = await count(snapshot, kept.selection, before, before + limit - 1, down=down)
            if found.start is None:
                return _excerpt([], before, found.total, kept.since)
            rows = await _read(snapshot, found, kept.selection.series.names, None, limit, down=down)
            return _excerpt(rows, before, found.total, kept.since)

    @reread
    async def beside(
        self, place: Place, limit: int, selection: Selection, *, down: bool, backward: bool = False
    ) -> Excerpt:
        """The records after a place, or before it if `backward`. Readings that were written since don't shift them."""
        way = down is not backward
        async with self._pool.snapshot() as snapshot:
            kept = await remaining(snapshot, await _named(snapshot, selection))
            selection = kept.selection
            names, rest = selection.series.names, _rest(selection, place, down=way)
            total = (await spread(snapshot, selection, 0, 0, down=way)).total
            [[passed]] = await snapshot.read("count_at_instant", place.ts, place.id, names, way)
            found = await spread(snapshot, rest, 0, passed + limit - 1, down=way)
            rows = await _read(snapshot, found, names, place, limit, down=way) if found.total else []
        following = max(0, found.total - passed)
        if backward:
            return _excerpt(rows[::-1], following - len(rows), total, kept.since)
        return _excerpt(rows, total - following, total, kept.since)


async def _named(reader: Reader, selection: Selection) -> Selection:
    """The same selection, which names its series unless these are all."""
    if selection.series.patterns is None:
        return selection
    names = await names_of(reader, selection.series)
    return Selection(selection.start, selection.end, SeriesFilter(names))


def _rest(selection: Selection, place: Place, *, down: bool) -> Selection:
    """The part of the selection that begins with the instant of the place, in the direction of reading."""
    if down:
        return Selection(selection.start, min(selection.end, place.ts + _INSTANT), selection.series)
    return Selection(max(selection.start, place.ts), selection.end, selection.series)


async def _read(
    snapshot: Snapshot, found: Count, names: "Sequence[str] | None", place: Place | None, limit: int, *, down: bool
) -> list[asyncpg.Record]:
    start, end = found.start, found.end
    asked = (start, end, names, *_parts(place), limit, found.offset)
    if names and start is not None and end is not None and end - start > UNITS["minute"]:
        return await snapshot.read("series_readings", *asked, snapshot.upto, down=down)
    return await snapshot.read("readings", *asked, down=down)


def _parts(place: Place | None) -> tuple[datetime | None, int | None]:
    return (None, None) if place is None else (place.ts, place.id)


def _record(row: asyncpg.Record) -> Record:
    ts, _, series, plan, fact, attributes = row
    return Record(ts, series, plan, fact, attributes)


def _excerpt(rows: list[asyncpg.Record], before: int, total: int, since: datetime | None) -> Excerpt:
    first, last = [Place(row["ts"], row["id"]) for row in (rows[0], rows[-1])] if rows else [None, None]
    return Excerpt([_record(row) for row in rows], before, total, first, last, since)
