"""Batches as the writer hands them to the store, and their outcomes."""

from enum import Enum
from uuid import uuid4

import msgspec

from service.errors import Fault
from service.intake.spreads import Spreads

NO_SPREADS = Spreads()
MINUTES_A_DAY = 24 * 60


class Packed(msgspec.Struct, frozen=True, gc=False):
    """A batch that is ready to be written: how many readings it will be in the database, its rows in COPY format, the
    minutes (since 1970) of these rows, the series of all its readings, the time of the oldest one (microseconds since
    1970), the digest of its content if it has an id, how many faulty readings were left out, with the first of their
    faults, the readings that stand for several, whose rows are yet to be made, and the times (microseconds since 1970)
    and series of notes."""

    id: str | None
    digest: bytes | None
    count: int
    rows: bytes
    minutes: frozenset[int]
    series: frozenset[bytes]
    oldest: int
    refused: int = 0
    faults: tuple[Fault, ...] = ()
    spreads: Spreads = NO_SPREADS
    notes: tuple[tuple[int, bytes], ...] = ()

    @property
    def items(self) -> int:
        """How many readings its sender has sent, each of which may stand for several."""
        return self.count - self.spreads.more

    @property
    def size(self) -> int:
        """About how many bytes of memory its readings take."""
        return len(self.rows) + self.spreads.size

    def first_and_last(self) -> tuple[int, int] | None:
        """The first and the last minute in which there are readings; None where there are none."""
        minutes, spans = self.minutes, self.spreads.minutes
        if spans:
            minutes = frozenset((*minutes, *(span[0] for span in spans), *(span[-1] for span in spans)))
        return (min(minutes), max(minutes)) if minutes else None

    def days(self) -> set[int]:
        """The days on which there are readings, as days since 1970."""
        days = {minute // MINUTES_A_DAY for minute in self.minutes}
        for span in self.spreads.minutes:
            days.update(range(span.start // MINUTES_A_DAY, span[-1] // MINUTES_A_DAY + 1))
        return days

    def minutes_until(self, last: int) -> set[int]:
        """The minutes up to the last one in which there are readings."""
        minutes = {minute for minute in self.minutes if minute <= last}
        for span in self.spreads.minutes:
            minutes.update(range(span.start, min(span.stop, last + 1)))
        return minutes

    def minute_from(self, first: int) -> int | None:
        """The first minute from a given one on in which there are readings; None where there is none."""
        spans = (max(span.start, first) for span in self.spreads.minutes if span.stop > first)
        return min((*(minute for minute in self.minutes if minute >= first), *spans), default=None)


class Outcome(Enum):
    """What became of a batch."""

    WRITTEN = "written"
    DUPLICATE = "duplicate"
    MISMATCH = "mismatch"
    """A batch with the same id but other content was committed before."""


class Receipt:
    """Identifies a committer's newest transaction, so that it can find out whether that was committed where the answer
    to COMMIT is lost."""

    def __init__(self) -> None:
        self.committer = uuid4()
        self.number = 0
        self.outcomes: list[Outcome] = []

    def begin(self) -> None:
        """Go on to the next transaction; the previous one is settled."""
        self.number += 1
        self.outcomes = []
