"""Reads any number of readings, in parts and as columns, for exports."""

import secrets
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

from service.intake.copy_rows import SINCE_1970
from service.intake.timestamps import moment_of
from service.period.selection import BEGINNING, END, Place, Selection, SeriesFilter
from service.store.columns import Columns, Copied
from service.store.gone import remaining
from service.store.pool import Pool
from service.store.reading_pool import reread
from service.store.series import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST_PART, MOST_OF_PART, PART_BYTES = 100, 16_000, 2**20
"""How many readings of a long range are read at once: the first time, at most, and so many that they take about so many
bytes. The most takes a few hundredths of a second, for which other queries may have to wait on the embedded engine."""
FIRST_WINDOW, WIDER, SHORTEST, LONGEST = timedelta(seconds=15), 4, timedelta(milliseconds=1), timedelta(days=7)
"""A long range is read in windows of time: how long the first one is, before it is known how fast readings come; how
many times as long as the last one the next is, where that held less than a part; the shortest, and the longest, which
is a chunk."""
MOST_NAMES = 5000
"""The most series whose names are kept from part to part."""
_DAY = timedelta(days=1)
_Bounds: TypeAlias = "tuple[datetime, datetime, Sequence[str] | None]"


class LongRanges:
    """Reads readings from the oldest to the newest."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @reread
    async def since(self, selection: Selection) -> datetime | None:
        """From when on readings are kept, where there were others before in a selection."""
        names = await names_of(self._pool, selection.series)
        async with self._pool.snapshot() as snapshot:
            found = await remaining(snapshot, Selection(selection.start, selection.end, SeriesFilter(names)))
        return found.since

    async def read(self, selection: Selection) -> AsyncIterator[Columns]:
        """All readings of a selection, oldest first, in parts. Each part shows the database as it is when that part is
        read."""
        names = await names_of(self._pool, selection.series)
        series = _SeriesNumbers(self._pool, names)
        most, window = FIRST_PART, FIRST_WINDOW
        for first, last in _runs(await self._days(selection, names)):
            start, end = max(first, selection.start), min(last, selection.end)
            place = None
            while start < end:
                until = min(end, start + window)
                copied, known = await self._part((start, until, names), place, most, series)
                if copied.length:
                    yield copied.columns(known)
                if copied.length < most:
                    start, place, window = until, None, min(LONGEST, WIDER * window)
                else:
                    place = _place(copied)
                    # so much as two parts take: the database sorts all readings of a window for each part
                    window = max(SHORTEST, 2 * (place.ts - start))
                    most = _next_part(copied)
                    start = place.ts

    async def _part(
        self, bounds: "_Bounds", place: Place | None, most: int, series: "_SeriesNumbers"
    ) -> tuple[Copied, dict[int, str]]:
        """The next readings, and the names of their series."""
        after = (None, None) if place is None else (place.ts, place.id)
        while True:
            copied = Copied.read(*await self._pool.copy("exported", *bounds, *after, most, series.seed))
            if (names := await series.names(copied)) is not None:
                return copied, names

    @reread
    async def _days(self, selection: Selection, names: "Sequence[str] | None") -> list[datetime]:
        start = selection.start - (selection.start - BEGINNING) % _DAY
        end = selection.end + (END - selection.end) % _DAY
        async with self._pool.snapshot() as snapshot:
            start = max(start, snapshot.kept.readings or start)
            asked = (start, end, names, snapshot.upto)
            return [day for (day,) in await snapshot.read("days_with_readings", *asked)]


class _SeriesNumbers:
    """The names of series by the numbers that stand for them in one export. They are hashes, which cost the database,
    the driver and us less than names do, and leave all rows of one length."""

    def __init__(self, pool: Pool, names: "Sequence[str] | None") -> None:
        self._pool, self._filter = pool, names
        self._known: dict[int, str] = {}
        self.seed = secrets.randbits(63)
        """What nobody can know who would like to write two names with the same number."""

    async def names(self, copied: Copied) -> dict[int, str] | None:
        """The names for these numbers. None where the readings have changed meanwhile, or where two names have the same
        number: then the part has to be read again."""
        numbers = set(copied.numbers)
        if len(self._known) > MOST_NAMES:
            self._known = {}
        if missing := numbers - self._known.keys():
            between = (_moment(copied.place(0)[0]), _moment(copied.place(-1)[0]), self._filter)
            found = await self._pool.read("series_of_numbers", *between, list(missing), self.seed)
            names = {row["number"]: row["series"] for row in found}
            if len(names) < len(found):
                self._known, self.seed = {}, secrets.randbits(63)
                return None
            self._known = self._known | names  # a new one, since the parts before have the old one
        return self._known if numbers <= self._known.keys() else None


def _runs(days: list[datetime]) -> list[tuple[datetime, datetime]]:
    """The periods that the days are together."""
    runs: list[tuple[datetime, datetime]] = []
    for day in days:
        start = runs.pop()[0] if runs and runs[-1][1] == day else day
        runs.append((start, day + _DAY))
    return runs


def _next_part(copied: Copied) -> int:
    """How many readings of the size of these make a part."""
    return max(FIRST_PART, min(MOST_OF_PART, PART_BYTES * copied.length // copied.size))


def _place(copied: Copied) -> Place:
    ts, number = copied.place(-1)
    return Place(_moment(ts), number)


def _moment(ts: int) -> datetime:
    return moment_of(ts + SINCE_1970)
