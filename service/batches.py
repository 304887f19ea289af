"""What the writer hands to the store, and what comes back: batches, and what became of them."""

from enum import Enum

import msgspec

from service.errors import Fault
from service.rows import times

MINUTE = 60_000_000
"""Microseconds."""


class Packed(msgspec.Struct, frozen=True, gc=False):
    """A batch ready to be written: its rows in COPY format, the earliest `ts` among them in microseconds since 1970,
    the digest of its content if it has an id, and the faults of those readings that were left out of it."""

    id: str | None
    digest: bytes | None
    count: int
    rows: bytes
    earliest: int
    faults: tuple[Fault, ...] = ()

    def minutes_before(self, ts: int) -> set[int]:
        """The minutes since 1970 that rows from before `ts` lie in."""
        return {each // MINUTE for each in times(self.rows) if each < ts} if self.earliest < ts else set()


class Outcome(Enum):
    """What became of a batch."""

    WRITTEN = "written"
    DUPLICATE = "duplicate"
    MISMATCH = "mismatch"
    """Its id was committed before, with other content."""


class Receipt:
    """What is known of a transaction before its COMMIT is answered: enough to learn its fate afterwards."""

    def __init__(self) -> None:
        self.transaction: str | None = None
        self.outcomes: list[Outcome] = []
