"""Batches as the writer hands them to the store, and their outcomes."""

from enum import Enum
from uuid import uuid4

import msgspec

from service.errors import Fault


class Packed(msgspec.Struct, frozen=True, gc=False):
    """A batch that is ready to be written: its rows in COPY format, the minutes (since 1970) and the series of its
    readings, the time of the oldest one (microseconds since 1970), the digest of its content if it has an id, and how
    many faulty readings were left out, with the first of their faults."""

    id: str | None
    digest: bytes | None
    count: int
    rows: bytes
    minutes: frozenset[int]
    series: frozenset[bytes]
    oldest: int
    refused: int = 0
    faults: tuple[Fault, ...] = ()


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
