"""What the writer hands to the store, and what comes back: batches, and what became of them."""

from enum import Enum
from uuid import uuid4

import msgspec

from service.errors import Fault


class Packed(msgspec.Struct, frozen=True, gc=False):
    """A batch ready to be written: its rows in COPY format, the minutes since 1970 and the series that they lie in,
    the digest of its content if it has an id, and how many readings were left out of it, with the faults of the first
    of these."""

    id: str | None
    digest: bytes | None
    count: int
    rows: bytes
    minutes: frozenset[int]
    series: frozenset[bytes]
    refused: int = 0
    faults: tuple[Fault, ...] = ()


class Outcome(Enum):
    """What became of a batch."""

    WRITTEN = "written"
    DUPLICATE = "duplicate"
    MISMATCH = "mismatch"
    """Its id was committed before, with other content."""


class Receipt:
    """A committer's newest transaction: enough to learn its fate when the answer to its COMMIT is lost."""

    def __init__(self) -> None:
        self.committer = uuid4()
        self.number = 0
        self.outcomes: list[Outcome] = []

    def begin(self) -> None:
        """The next transaction; the one before is settled."""
        self.number += 1
        self.outcomes = []
