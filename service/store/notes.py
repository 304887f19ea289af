"""Reads what people noted."""

from service.period.bucket import Note
from service.period.steps import Period
from service.store.snapshot import Snapshot

MOST_NOTES = 500
"""The most notes that are read of a period."""


async def notes_of(snapshot: Snapshot, period: Period, names: tuple[str, ...] | None) -> tuple[Note, ...]:
    """The notes of a period, of the series of these names or of all, the oldest first; at most MOST_NOTES. Those of
    steps that are left out aren't among them."""
    rows = await snapshot.read("notes", period.start, period.end, names, MOST_NOTES)
    return tuple(note for note in (Note(*row) for row in rows) if period.keeps(note.ts))
