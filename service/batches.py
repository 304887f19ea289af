"""What the writer hands to the store, and what comes back: batches, and what became of them."""

from enum import Enum
from hashlib import blake2b

import msgspec

from service.readings import Batch
from service.rows import encode

MINUTE = 60_000_000
"""Microseconds."""
_NO_TS = -(2**60)
"""Stands for an absent `ts` in a digest: no reading can be of that time."""


class Packed(msgspec.Struct, frozen=True, gc=False):
    """A batch ready to be written: its rows in COPY format, the minutes since 1970 that they lie in, and the digest
    of its content if it has an id."""

    id: str | None
    digest: bytes | None
    count: int
    rows: bytes
    minutes: frozenset[int] = frozenset()


def pack(batch: Batch, now: int) -> Packed:
    """The batch as it was received at `now`, in microseconds since 1970."""
    return Packed(
        batch.id,
        None if batch.id is None else digest(batch),
        len(batch.readings),
        encode(batch.readings, now),
        frozenset((now if reading.ts is None else reading.ts) // MINUTE for reading in batch.readings),
    )


def digest(batch: Batch) -> bytes:
    """16 bytes that tell whether two batches say the same, by whatever transport and at whatever time they came."""
    return blake2b(encode(batch.readings, _NO_TS), digest_size=16).digest()


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
