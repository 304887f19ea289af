"""Reads what people noted."""

from datetime import datetime

import msgspec

from service.period.selection import Selection
from service.store.pool import Pool
from service.store.series import names_of

MOST_NOTES = 500
"""The most notes that are read of a period."""


class Note(msgspec.Struct, frozen=True):
    """A reading without numbers that says something in words: when, of which series, and what."""

    ts: datetime
    series: str
    note: str


class Notes:
    """The notes beside plan and fact."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(self, selection: Selection) -> tuple[Note, ...]:
        """The notes of a selection, the oldest first; at most MOST_NOTES."""
        names = await names_of(self._pool, selection.series)
        rows = await self._pool.read("notes", selection.start, selection.end, names, MOST_NOTES)
        return tuple(Note(*row) for row in rows)
