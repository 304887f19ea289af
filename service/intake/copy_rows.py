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
"""Microseconds from 1970 to 2000; PostgreSQL counts time from 2000."""

NULL = b"\xff\xff\xff\xff"
START = b"\0\x05\0\0\0\x08"
"""The beginning of a row: it has 5 columns, the first of which has 8 bytes."""
AFTER_TS = len(START) + 8
"""Where in a row the columns after ts begin."""
EIGHT = b"\0\0\0\x08"
"""The length of a column of 8 bytes."""

_JSONB_VERSION = b"\x01"

_start = Struct("!6sq").pack
_number = Struct("!4sd").pack
_length = Struct("!i").pack


@cache
def plain_packer(series_length: int) -> Callable[..., bytes]:
    """A function that packs a row with plan and fact and without attributes, for a series name of so many bytes. Its
    arguments are `(START, ts since 2000, text_field(series), plan, EIGHT, fact, NULL)`."""
    return Struct(f"!6sq{4 + series_length + 4}sd4sd4s").pack


def text_field(series: bytes) -> bytes:
    """The column of the series, followed by the length of the next column, as plain_packer() expects it."""
    return _length(len(series)) + series + EIGHT


def name_in(field: bytes) -> str:
    """The name of the series in a text_field()."""
    return field[4:-4].decode()


def row_start(ts: int) -> bytes:
    """The beginning of a row, up to AFTER_TS; `ts` is in microseconds since 1970."""
    return _start(START, ts - SINCE_1970)


def encode_one(ts: int, field: bytes, plan: float | None, fact: float | None, attributes: bytes | None) -> bytes:
    """Encode any row. `ts` is in microseconds since 1970, `field` is the text_field() of the series, `attributes` is
    JSON text."""
    return b"".join(
        (
            _start(START, ts - SINCE_1970),
            field[:-4],
            NULL if plan is None else _number(EIGHT, plan),
            NULL if fact is None else _number(EIGHT, fact),
            NULL if attributes is None else _length(len(attributes) + 1) + _JSONB_VERSION + attributes,
        )
    )
