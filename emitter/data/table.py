"""Reads a CSV file with a header row by row."""

import csv
import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

import msgspec

from emitter.data.cells import Cells, Layout
from emitter.errors import BadRow, BadTable
from emitter.producer.readings import encode

_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f]")
_UTF8_MARK = b"\xef\xbb\xbf"


class Row(msgspec.Struct, frozen=True):
    """An encoded reading, and its time."""

    reading: bytes
    moment: datetime


class Table:
    """The readings in a file, which is read once and never held in memory. Raises BadTable where it has no usable
    header."""

    def __init__(self, file: BinaryIO, layout: Layout) -> None:
        self.position = 0
        """The bytes that were read so far."""
        self._row = hashlib.sha256(msgspec.json.encode(layout))
        self._csv = csv.reader(self._lines(file), delimiter=layout.delimiter)
        self._cells = Cells(self._header(), layout)
        self.mark = self._row.digest()
        """A digest of the last row, as it is in the file; before the first row, a digest of the header and the
        layout."""

    def rows(self) -> Iterator[Row | BadRow]:
        """The reading of each row, or the error in it."""
        while True:
            line = self._csv.line_num + 1
            self._row = hashlib.sha256()
            try:
                cells = next(self._csv)
            except StopIteration:
                return
            except csv.Error as exc:
                self.mark = self._row.digest()
                yield BadRow(line, "", str(exc))
                continue
            if any(cell.strip() for cell in cells):
                self.mark = self._row.digest()
                yield self._read(line, cells)

    def _read(self, line: int, cells: Sequence[str]) -> Row | BadRow:
        try:
            reading = self._cells.read(line, cells)
            return Row(encode(reading), reading.ts)
        except BadRow as bad:
            return bad
        except UnicodeError:
            return BadRow(line, "", "isn't UTF-8")

    def _header(self) -> list[str]:
        try:
            return next(row for row in self._csv if any(cell.strip() for cell in row))
        except StopIteration:
            raise BadTable("it is empty") from None
        except csv.Error as exc:
            raise BadTable(f"its header can't be read: {exc}") from exc

    def _lines(self, file: BinaryIO) -> Iterator[str]:
        """The lines of the file. Bytes that aren't UTF-8 become halves of surrogate pairs, so that only their row is
        refused."""
        for raw in _read(file):
            if not self.position:
                _check_beginning(raw)
            text = raw if self.position else raw.removeprefix(_UTF8_MARK)
            self.position += len(raw)
            self._row.update(raw.rstrip(b"\r\n") + b"\n")  # the last line may get its newline later
            yield text.decode("utf-8", "surrogateescape")


@contextmanager
def opened(path: str) -> Iterator[BinaryIO]:
    """Opens a file, or standard input for `-`. Adds its name to any BadTable."""
    try:
        if path == "-":
            # Not sys.stdin, and never closed: a thread may be reading it, which would delay the exit or crash it.
            yield os.fdopen(os.dup(0), "rb")
        else:
            with Path(path).open("rb") as file:
                yield file
    except BadTable as exc:
        raise BadTable(f"{name_of(path)}: {exc}.") from exc
    except BadRow as exc:
        raise BadTable(f"{name_of(path)}, {exc}.") from exc


def name_of(path: str) -> str:
    """The name of the file, for people."""
    return "standard input" if path == "-" else Path(path).name


def size_of(file: BinaryIO) -> int | None:
    """The size of the file in bytes; None where it isn't known, as for standard input."""
    status = os.fstat(file.fileno())
    return status.st_size if stat.S_ISREG(status.st_mode) else None


def _check_beginning(raw: bytes) -> None:
    """Raises BadTable where the first line isn't text in UTF-8."""
    if raw.startswith(_UTF16_MARKS):
        raise BadTable("it is UTF-16; save it as UTF-8")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = "\0"
    if _CONTROL.search(text):
        raise BadTable("it isn't a CSV file in UTF-8: save the table as CSV in UTF-8")


def _read(file: BinaryIO) -> Iterator[bytes]:
    try:
        yield from file
    except OSError as exc:
        raise BadTable(f"it can't be read: {exc.strerror or exc}") from exc
