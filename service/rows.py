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

_NULL = b"\xff\xff\xff\xff"
_JSONB_VERSION = b"\x01"

_start = Struct("!hiqi").pack  # 5 columns; ts; length of series
_number = Struct("!id").pack
_length = Struct("!i").pack


@cache
def plain_packer(series_length: int) -> Callable[..., bytes]:
    """Packs a whole row that has plan and fact and no attributes, for series of so many bytes:
    `(5, 8, ts, length, series, 8, plan, 8, fact, -1)`."""
    return Struct(f"!hiqi{series_length}sididi").pack


def encode_one(ts: int, series: bytes, plan: float | None, fact: float | None, attributes: bytes | None) -> bytes:
    """Any row; `ts` is in microseconds since 1970, `attributes` JSON text."""
    return b"".join(
        (
            _start(5, 8, ts - SINCE_1970, len(series)),
            series,
            _NULL if plan is None else _number(8, plan),
            _NULL if fact is None else _number(8, fact),
            _NULL if attributes is None else _length(len(attributes) + 1) + _JSONB_VERSION + attributes,
        )
    )
