"""Readings as columns, made of the rows that COPY writes for sql/queries/exported.sql.

https://www.postgresql.org/docs/17/sql-copy.html has the format.
"""

import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from struct import Struct
from typing import NamedTuple

import msgspec

from service.intake.copy_rows import SINCE_1970
from service.intake.timestamps import moment_of

HEADER, TRAILER = 19, 2
"""The bytes before the first row and after the last one."""
WIDTH = 66
"""The bytes of a row without attributes: how many columns it has, then each of them after its length."""
TS, ID, NUMBER, PLAN, FACT = 6, 18, 30, 42, 54
"""Where in a row the columns of 8 bytes are."""
EXACT = 2**51
"""Microseconds since 1970 up to the year 2041: seconds as a float have every microsecond of these times."""
_length = Struct("!i").unpack_from
_place = Struct("!q4xq").unpack_from


class Columns(NamedTuple):
    """Readings, a column each: `ts` in microseconds since 2000, a number for the series, whose name is in `names`, plan
    and fact, NaN where they are absent, and attributes as JSON; None stands for a column of none."""

    ts: "memoryview[int]"
    numbers: "memoryview[int]"
    plan: "memoryview[float]"
    fact: "memoryview[float]"
    attributes: list[bytes | None] | None
    names: Mapping[int, str]

    def moments(self) -> list[datetime]:
        """`ts` as times."""
        since_1970 = [ts + SINCE_1970 for ts in self.ts]
        if max(map(abs, since_1970), default=0) < EXACT:
            # a tenth of the work of making a timedelta for each
            return msgspec.convert([ts / 1e6 for ts in since_1970], list[datetime], strict=False)
        return [moment_of(ts) for ts in since_1970]

    def series(self) -> list[str]:
        """The name of the series of each reading."""
        return list(map(self.names.__getitem__, self.numbers))

    def slices(self, count: int) -> Iterator["Columns"]:
        """The same in pieces of so many readings."""
        ts, numbers, plan, fact, attributes, names = self
        for first in range(0, len(ts), count):
            some = slice(first, first + count)
            yield Columns(ts[some], numbers[some], plan[some], fact[some], attributes and attributes[some], names)


class Copied(NamedTuple):
    """The rows of one COPY, all of the same length, and the attributes of each."""

    length: int
    rows: bytes
    attributes: list[bytes | None] | None

    @classmethod
    def read(cls, copied: bytes, count: int) -> "Copied":
        """Take apart what COPY has written for so many rows."""
        if len(copied) == HEADER + count * WIDTH + TRAILER:
            return cls(count, copied[HEADER:-TRAILER], None)
        rows, attributes, at = [], [], HEADER
        for _ in range(count):
            end = at + WIDTH
            rows.append(copied[at:end])
            [length] = _length(copied, end - 4)
            # jsonb is a version byte and the text
            attributes.append(copied[end + 1 : end + length] if length >= 0 else None)
            at = end + max(0, length)
        return cls(count, b"".join(rows), attributes)

    @property
    def size(self) -> int:
        """About how many bytes the rows take."""
        return len(self.rows) + sum(len(one or b"") for one in self.attributes or ())

    def place(self, index: int) -> tuple[int, int]:
        """`ts` and id of a row; a negative index counts from the end."""
        ts, number = _place(self.rows, index % self.length * WIDTH + TS)
        return ts, number

    @property
    def numbers(self) -> "memoryview[int]":
        return self._column(NUMBER).cast("q")

    def columns(self, names: Mapping[int, str]) -> Columns:
        """The columns, for which `names` has the series."""
        plan, fact = self._column(PLAN).cast("d"), self._column(FACT).cast("d")
        return Columns(self._column(TS).cast("q"), self.numbers, plan, fact, self.attributes, names)

    def _column(self, place: int) -> "memoryview[int]":
        """A column of 8 bytes in the order of this machine. It is copied byte by byte of all rows at once, which takes
        hundredths of a microsecond a row, a tenth of what it takes to unpack each."""
        column = bytearray(8 * self.length)
        for number in range(8):
            column[7 - number if sys.byteorder == "little" else number :: 8] = self.rows[place + number :: WIDTH]
        return memoryview(column)
