"""Reads where plan and fact stand, and for how long no fact has come."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import inf

import msgspec

from service.period.comparison import Threshold
from service.period.kept import check_kept
from service.period.selection import SeriesFilter
from service.period.shifts import Interval
from service.store.pool import Pool
from service.store.series import names_of

AHEAD = timedelta(days=1)
"""How far plans that lie ahead are looked at."""


class Behind(msgspec.Struct, frozen=True):
    """Plan and fact of the minutes that are due, of a series or, without a name, of several together; whether the fact
    is too far below the plan, and since when it is, or isn't; None stands for the beginning of the period."""

    series: str | None
    plan: float | None
    fact: float | None
    is_missed: bool
    since: datetime | None


class Silence(msgspec.Struct, frozen=True):
    """For how long, and since when, no fact has come although one was due, and whether one is due at the moment;
    `newest` is the end of the minute of the newest fact that was found."""

    series: str | None
    newest: datetime | None
    since: datetime | None
    lasted: timedelta
    is_due: bool


class Checks:
    """The readings of some series, or of all, compared with what is allowed."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def behind(
        self, start: datetime, due: datetime, series: SeriesFilter, allowed: Threshold | None, *, split: bool
    ) -> list[Behind]:
        """Where plan and fact stand at `due`, counted from `start`, both whole minutes. Nothing is returned of a series
        without readings. BadRequest: minutes of that time aren't kept."""
        size, is_share = (allowed.size, allowed.is_share) if allowed else (inf, False)
        names = await names_of(self._pool, series)
        async with self._pool.snapshot() as snapshot:
            check_kept((start,), "minute", snapshot.kept)
            asked = (start, due, names, snapshot.upto, split, size / 100 if is_share else size, is_share)
            rows = await snapshot.read("behind", *asked)
        return [Behind(name or None, *fields) for name, *fields in rows]

    async def silence(
        self, start: datetime, due: datetime, series: SeriesFilter, spans: Sequence[Interval], *, split: bool
    ) -> list[Silence]:
        """For how long no fact has come up to `due`, of the time within the spans alone; it looks back to `start`."""
        names, wanted = await names_of(self._pool, series), list(series.names or ())
        first, last = [one for one, _ in spans], [one for _, one in spans]
        async with self._pool.snapshot() as snapshot:
            asked = (start, due, due + AHEAD, names, snapshot.upto, split, first, last, wanted)
            rows = await snapshot.read("silence", *asked)
        return [Silence(name or None, *fields) for name, *fields in rows]
