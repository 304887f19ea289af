"""CSV with a header row, as spreadsheets and exports write it; https://www.rfc-editor.org/rfc/rfc4180.

The columns ts, series, plan, fact and for have a meaning; an empty cell is an absent value. A column `attributes` holds
a JSON object; any other column is an attribute with the text of its cell. Blanks around a cell are ignored, in the
header and in the rows, unless they are within quotes; so are rows whose cells are all empty. A header with none of
these six columns is refused, because it is most likely a table with another delimiter. Such a table may name its
delimiter in a first line like `sep=;`, as Excel does.
"""

import csv
import io
import itertools
import re
from collections import Counter
from collections.abc import Iterator

from service.errors import BadRequest, Refusal, counted
from service.intake.attributes import otherwise_cased
from service.intake.formats.decoding import not_utf8, parse_json
from service.intake.packer import Packer
from service.intake.reading import MAX_KEYS, MAX_SIZE, TOO_LONG
from service.intake.turns import Work

OWN = ("ts", "series", "plan", "fact", "for")
NAMES = (*OWN, "attributes")
DELIMITERS = (",", ";", "|", "\t")
_HEADER = (
    f"A header names each column once, with {', '.join(OWN)} and attributes in lower case, separated by commas; "
    "for another delimiter, such as a semicolon, put the line sep=; before the header."
)
_SLIPS = otherwise_cased(NAMES)
_NUMBER = re.compile(r"[ \t]*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t]*")
"""Python's float() would also take 1_000, nan, and the digits of other scripts."""
_WITH_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_SEPARATOR = re.compile(rb'"?sep=([^"\r\n]*)"?(?:\r\n?|\n|\Z)', re.IGNORECASE)


def add_table(text: bytes, packer: Packer) -> Work[None]:
    """Add every row. Raises BadRequest where the text isn't CSV with a usable header."""
    names: list[str] = []
    try:
        for number, row in _rows(text):
            if row is None:
                packer.add_fault("", TOO_LONG)
            elif row and names:
                _add_row(names, row, packer)
            elif row:
                names = row
                _check_header(names, number)
            yield
    except _TooLong as exc:
        raise packer.give_up(TOO_LONG) from exc
    if not names:
        _check_header(names, 1)


def _add_row(names: list[str], row: list[str], packer: Packer) -> None:
    if len(row) != len(names):
        comma = "; decimals have a point, and a cell with a comma is in quotes" if len(row) > len(names) else ""
        packer.add_fault("", f"has {counted(len(row), 'cell')}, the header has {len(names)}{comma}")
        return
    try:
        value = _value(dict(zip(names, row, strict=True)))
    except Refusal as refusal:
        packer.add_fault(refusal.field, refusal.detail)
    else:
        packer.add_value(value)


class _TooLong(Exception):
    """A row is longer than a reading may be. `is_line` says whether it is one line, so that the next line is a row."""

    def __init__(self, *, is_line: bool) -> None:
        self.is_line = is_line


class _Lines:
    """The lines of a text, decoded block by block. `taken` has the lines of the row that the CSV parser is reading;
    next() raises _TooLong at the line with which it gets too long."""

    def __init__(self, text: bytes, at: int) -> None:
        self._text, self._at = text, at
        self._block = io.StringIO()
        self._size = 0
        self.taken: list[str] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._block.readline()
        if not line:
            self._block = io.StringIO(self._next_block(), newline="")
            line = next(self._block)
        self.taken.append(line)
        self._size += len(line)
        if self._size > MAX_SIZE:
            raise _TooLong(is_line=False)
        return line

    def end_row(self) -> None:
        self.taken.clear()
        self._size = 0

    def _next_block(self) -> str:
        """Whole lines, together no longer than a row may be."""
        start, end = self._at, self._at + MAX_SIZE
        if end < len(self._text):
            end = max(self._text.rfind(b"\n", start, end), self._text.rfind(b"\r", start, end)) + 1
            if not end:
                self._at = self._after_newline(start)
                raise _TooLong(is_line=not self.taken)
            end += self._text.startswith(b"\n", end) and self._text[end - 1] == ord("\r")
        self._at = end
        try:
            return self._text[start:end].decode()
        except UnicodeDecodeError as exc:
            where = (start + exc.start, start + exc.end)
            raise UnicodeDecodeError(exc.encoding, self._text, *where, exc.reason) from exc

    def _after_newline(self, start: int) -> int:
        ends = [end for mark in (b"\n", b"\r") if (end := self._text.find(mark, start)) >= 0]
        return min(ends) + 1 if ends else len(self._text)


def _rows(text: bytes) -> Iterator[tuple[int, list[str] | None]]:
    """The rows, without blanks around their cells, and their numbers in the file, counted from 1. A row without any
    value is empty, and a line that is too long is None. Raises _TooLong where the row that is too long has several."""
    separator = _SEPARATOR.match(text)
    lines = _Lines(text, separator.end() if separator else 0)
    delimiter = _delimiter(separator) if separator else ","
    table = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
    for number in itertools.count(2 if separator else 1):
        try:
            row = next(table, None)
        except _TooLong as exc:
            if not exc.is_line:
                raise
            yield number, None
        except (csv.Error, UnicodeDecodeError) as exc:
            why = not_utf8(exc) if isinstance(exc, UnicodeDecodeError) else exc
            raise BadRequest(f"This isn't CSV in UTF-8: {why}.") from exc
        else:
            if row is None:
                return
            yield number, _without_blanks(row, lines.taken, delimiter)
        lines.end_row()


def _without_blanks(row: list[str], taken: list[str], delimiter: str) -> list[str]:
    cells = [cell.strip(" \t") for cell in row]
    if cells != row:
        quoted = _are_quoted("".join(taken), delimiter)
        cells = [cell if as_it_is else bare for cell, bare, as_it_is in zip(row, cells, quoted, strict=False)]
    return cells if any(cells) else []


def _are_quoted(row: str, delimiter: str) -> Iterator[bool]:
    """Whether each cell of a row is in quotes, which the CSV parser doesn't report."""
    between = re.escape(delimiter)
    for cell in re.finditer(rf'(?:\A|{between}) *(?:("[^"]*(?:""[^"]*)*")|[^{between}]*)', row):
        yield cell[1] is not None


def _delimiter(separator: re.Match[bytes]) -> str:
    named = separator[1].decode(errors="replace")
    if named not in DELIMITERS:
        shown = separator[0].strip().decode(errors="replace")[:40]
        raise BadRequest(f"The first line of the CSV, {shown!r}, must name one delimiter: a comma, ; | or a tab.")
    return named


def _check_header(names: list[str], number: int) -> None:
    """Raise BadRequest where the row with that number isn't a usable header."""
    if not names:
        raise BadRequest(f"The CSV has no header. {_HEADER}")
    if len(names) > MAX_KEYS:
        raise BadRequest(
            f"Row {number} of the CSV, its header, has {len(names):,} columns; at most {MAX_KEYS:,} are read."
        )
    if "" in names:
        raise _bad_header(f"gives column {names.index('') + 1} no name", names, number)
    for name, count in Counter(names).items():
        if count > 1:
            raise _bad_header(f"names {name[:40]!r} more than once", names, number)
        if name in _SLIPS:
            raise _bad_header(f"names {name!r} (did you mean {name.lower()}?)", names, number)
    if not set(names) & {*NAMES}:
        raise _bad_header(f"names none of {', '.join(NAMES)}", names, number)
    if not set(names) - {"ts", "series", "for"}:
        raise _bad_header("names none of plan, fact", names, number)


def _bad_header(what: str, names: list[str], number: int) -> BadRequest:
    return BadRequest(f"Row {number} of the CSV, its header, {what} ({', '.join(names)[:200]!r}). {_HEADER}")


def _value(cells: dict[str, str]) -> dict[str, object]:
    value: dict[str, object] = {name: text for name, text in cells.items() if text != ""}
    for name in ("plan", "fact"):
        if name in value:
            value[name] = _number(name, cells[name])
    if "ts" in value and _NUMBER.fullmatch(cells["ts"]):
        value["ts"] = float(cells["ts"])
    if "attributes" in value:
        del value["attributes"]
        value = {**_attributes(cells["attributes"]), **value}
    return value


def _number(name: str, text: str) -> float:
    if not _NUMBER.fullmatch(text):
        wanted = "a number" if not _WITH_COMMA.fullmatch(text) else "a number with a decimal point"
        raise Refusal.because(name, wanted, repr(text[:40]))
    return float(text)


def _attributes(text: str) -> dict[str, object]:
    try:
        value = parse_json(text)
    except BadRequest as exc:
        raise Refusal("attributes", exc.detail.rstrip(".")) from exc
    if not isinstance(value, dict):
        raise Refusal("attributes", "must be a JSON object")
    if own := [name for name in OWN if name in value]:
        raise Refusal("attributes", f"holds {own[0]}, which has a column of its own")
    return value
