"""Readings as rows of PostgreSQL's binary COPY format.

The columns are ts, series, plan, fact, attributes; https://www.postgresql.org/docs/17/sql-copy.html has the format.
"""

from collections.abc import Callable
from functools import cache
from struct import Struct

COLUMNS = ("ts", "series", "plan", "fact", "attributes")
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
SINCE_1970 = 946_684_800_000_000
"""Microseconds from 1970 to 2000, where PostgreSQL counts from."""

NULL = b"\xff\xff\xff\xff"
START = b"\0\x05\0\0\0\x08"
"""A row has 5 columns, the first of which has 8 bytes."""
EIGHT = b"\0\0\0\x08"
"""The next column has 8 bytes."""

_JSONB_VERSION = b"\x01"

_start = Struct("!6sq").pack
_number = Struct("!4sd").pack
_length = Struct("!i").pack


@cache
def plain_packer(series_length: int) -> Callable[..., bytes]:
    """Packs a whole row that has plan and fact and no attributes, for series of so many bytes:
    `(START, ts since 2000, text_field(series), plan, EIGHT, fact, NULL)`."""
    return Struct(f"!6sq{4 + series_length + 4}sd4sd4s").pack


def text_field(series: bytes) -> bytes:
    """The series' column, and the length of the next, as plain_packer takes them."""
    return _length(len(series)) + series + EIGHT


def encode_one(ts: int, field: bytes, plan: float | None, fact: float | None, attributes: bytes | None) -> bytes:
    """Any row; `ts` is in microseconds since 1970, `field` the series' text_field, `attributes` JSON text."""
    return b"".join(
        (
            _start(START, ts - SINCE_1970),
            field[:-4],
            NULL if plan is None else _number(EIGHT, plan),
            NULL if fact is None else _number(EIGHT, fact),
            NULL if attributes is None else _length(len(attributes) + 1) + _JSONB_VERSION + attributes,
        )
    )
