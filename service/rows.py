"""Readings as rows of PostgreSQL's binary COPY format.

The columns are ts, series, plan, fact, attributes; https://www.postgresql.org/docs/17/sql-copy.html has the format.
"""

from collections.abc import Iterable
from struct import Struct

from service.readings import Reading

COLUMNS = ("ts", "series", "plan", "fact", "attributes")
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"

_SINCE_1970 = 946_684_800_000_000
"""Microseconds from 1970 to 2000, where PostgreSQL counts from."""
_NULL = b"\xff\xff\xff\xff"
_JSONB_VERSION = b"\x01"

_start = Struct("!hiqi").pack  # 5 columns; ts; length of series
_both = Struct("!ididi").pack  # plan; fact; length of attributes
_number = Struct("!id").pack
_length = Struct("!i").pack


def encode(readings: Iterable[Reading], now: int) -> bytes:
    """The rows without header and trailer; a reading without `ts` gets `now`, in microseconds since 1970."""
    parts: list[bytes] = []
    add = parts.append
    for reading in readings:
        series = reading.series.encode()
        ts = now if reading.ts is None else reading.ts
        add(_start(5, 8, ts - _SINCE_1970, len(series)))
        add(series)
        if reading.plan is not None and reading.fact is not None and reading.attributes is None:
            add(_both(8, reading.plan, 8, reading.fact, -1))
            continue
        add(_NULL if reading.plan is None else _number(8, reading.plan))
        add(_NULL if reading.fact is None else _number(8, reading.fact))
        if reading.attributes is None:
            add(_NULL)
        else:
            add(_length(len(reading.attributes) + 1))
            add(_JSONB_VERSION)
            add(reading.attributes)
    return b"".join(parts)
