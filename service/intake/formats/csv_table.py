"""CSV with a header row, as spreadsheets and exports write it; https://www.rfc-editor.org/rfc/rfc4180.

The columns ts, series, plan and fact have a meaning; an empty cell is an absent value. A column `attributes` holds a
JSON object; any other column is an attribute with the text of its cell. Blanks around a cell are ignored, in the header
and in the rows, unless they are within quotes; so are rows whose cells are all empty. A header with none of these four
columns is refused, because it is most likely a table with another delimiter. Such a table may name its delimiter in a
first line like `sep=;`, as Excel does.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator

from service.errors import BadRequest, Refusal, counted
from service.intake.attributes import otherwise_cased
from service.intake.formats.frames import parse_json
from service.intake.packer import Packer

OWN = ("ts", "series", "plan", "fact")
NAMES = (*OWN, "attributes")
DELIMITERS = (",", ";", "|", "\t")
_HEADER = (
    f"A header names each column once, with {', '.join(OWN)} and attributes in lower case, separated by commas; "
    "for another delimiter, such as a semicolon, put the line sep=; before the header."
)
_SLIPS = otherwise_cased(NAMES)
_NUMBER = re.compile(r"[ \t]*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t]*")
"""Python's float() would also take 1_000, nan, and the digits of other scripts."""
_SEPARATOR = re.compile(r'"?sep=([^"\r\n]*)"?(?:\r\n?|\n|\Z)', re.IGNORECASE)


def add_table(text: bytes, packer: Packer) -> None:
    """Add every row. Raises BadRequest where the text isn't CSV with a usable header."""
    rows = _rows(text)
    number, names = next(rows, (1, []))
    _check_header(names, number)
    for _, row in rows:
        if len(row) != len(names):
            packer.add_fault("", f"has {counted(len(row), 'cell')}, the header has {len(names)}")
            continue
        try:
            packer.add_value(_value(dict(zip(names, row, strict=True))))
        except Refusal as refusal:
            packer.add_fault(refusal.field, refusal.detail)


class _Lines:
    """The lines of a text; `taken` collects the lines that the CSV parser has read since `taken` was emptied."""

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="")
        self.taken: list[str] = []

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        self.taken.append(line := next(self._lines))
        return line


def _rows(text: bytes) -> Iterator[tuple[int, list[str]]]:
    """The rows that aren't empty, without blanks around their cells, and their numbers in the file, counted from 1."""
    try:
        decoded = text.decode()
        separator = _SEPARATOR.match(decoded)
        lines = _Lines(decoded[separator.end() :] if separator else decoded)
        delimiter = _delimiter(separator) if separator else ","
        table = csv.reader(lines, delimiter=delimiter, strict=True, skipinitialspace=True)
        for number, row in enumerate(table, 2 if separator else 1):
            cells = [cell.strip(" \t") for cell in row]
            if cells != row:
                quoted = _are_quoted("".join(lines.taken), delimiter)
                cells = [cell if as_it_is else bare for cell, bare, as_it_is in zip(row, cells, quoted, strict=False)]
            lines.taken.clear()
            if any(cells):
                yield number, cells
    except (csv.Error, UnicodeDecodeError) as exc:
        raise BadRequest(f"This isn't CSV in UTF-8: {exc}.") from exc


def _are_quoted(row: str, delimiter: str) -> Iterator[bool]:
    """Whether each cell of a row is in quotes, which the CSV parser doesn't report."""
    between = re.escape(delimiter)
    for cell in re.finditer(rf'(?:\A|{between}) *(?:("[^"]*(?:""[^"]*)*")|[^{between}]*)', row):
        yield cell[1] is not None


def _delimiter(separator: re.Match[str]) -> str:
    if separator[1] not in DELIMITERS:
        raise BadRequest(
            f"The first line of the CSV, {separator[0].strip()[:40]!r}, must name one delimiter: a comma, ; | or a tab."
        )
    return separator[1]


def _check_header(names: list[str], number: int) -> None:
    """Raise BadRequest where the row with that number isn't a usable header."""
    if not names:
        raise BadRequest(f"The CSV has no header. {_HEADER}")
    if "" in names:
        raise _bad_header(f"gives column {names.index('') + 1} no name", names, number)
    for name, count in Counter(names).items():
        if count > 1:
            raise _bad_header(f"names {name[:40]!r} more than once", names, number)
        if name in _SLIPS:
            raise _bad_header(f"names {name!r} (did you mean {name.lower()}?)", names, number)
    if not set(names) & {*NAMES}:
        raise _bad_header(f"names none of {', '.join(NAMES)}", names, number)
    if not set(names) - {"ts", "series"}:
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
        raise Refusal.because(name, "a number", repr(text[:40]))
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
