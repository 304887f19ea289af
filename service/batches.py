"""What the writer hands to the store, and what comes back: batches, and what became of them."""

from enum import Enum

import msgspec

from service.errors import Fault


class Packed(msgspec.Struct, frozen=True, gc=False):
    """A batch ready to be written: its rows in COPY format, the minutes since 1970 and the series that they lie in,
    the digest of its content if it has an id, and the faults of those readings that were left out of it."""

    id: str | None
    digest: bytes | None
    count: int
    rows: bytes
    minutes: frozenset[int]
    series: frozenset[str | None]
    faults: tuple[Fault, ...] = ()


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
