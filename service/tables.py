"""CSV with a header row, as spreadsheets and exports write it; https://www.rfc-editor.org/rfc/rfc4180.

Columns ts, series, plan and fact are ours, an empty cell is an absent value. A column `attributes` holds a JSON object;
any other column is an attribute with its text. A header that names none of these is refused: more often than a document
of other columns it is a table of ours with another delimiter, or in capitals.
"""

import csv
import io
import re
from collections.abc import Iterator

from service.errors import BadRequest, Refusal
from service.frames import parse_json
from service.packing import Packer

OWN = ("ts", "series", "plan", "fact")
_NUMBER = re.compile(r"[ \t]*[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?[ \t]*")
"""Python's float() would also take 1_000, nan, and the digits of other scripts."""


def add_table(text: bytes, packer: Packer) -> None:
    """Add every row; BadRequest where the text is no CSV with a usable header."""
    rows = _rows(text)
    header = next(rows, None)
    if header is None:
        raise BadRequest("The CSV is empty; its first row must name the columns.")
    names = [name.strip() for name in header]
    _check_header(names)
    for row in rows:
        if not row:
            continue
        if len(row) != len(names):
            packer.add_fault("", f"has {len(row)} cells, the header has {len(names)}")
            continue
        try:
            packer.add_value(_value(dict(zip(names, row, strict=True))))
        except Refusal as refusal:
            packer.add_fault(refusal.field, refusal.detail)


def _rows(text: bytes) -> Iterator[list[str]]:
    try:
        yield from csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""), strict=True)
    except (csv.Error, UnicodeDecodeError) as exc:
        raise BadRequest(f"This is no CSV in UTF-8: {exc}.") from exc


def _check_header(names: list[str]) -> None:
    if len(set(names)) < len(names) or "" in names:
        raise BadRequest("The first row of the CSV must name each column once.")
    shown = ", ".join(names)[:200]
    if not set(names) & {*OWN, "attributes"}:
        raise BadRequest(
            "The first row of the CSV names none of ts, series, plan, fact, attributes: "
            f"{shown!r}. They are written in small letters, with commas between them."
        )
    if not set(names) - {"ts", "series"}:
        raise BadRequest(f"The first row of the CSV names none of plan, fact: {shown}.")


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
        raise Refusal(name, f"must be a number, this is {text[:40]!r}")
    return float(text)


def _attributes(text: str) -> dict[str, object]:
    try:
        value = parse_json(text)
    except BadRequest as exc:
        raise Refusal("attributes", exc.detail) from exc
    if not isinstance(value, dict):
        raise Refusal("attributes", "must be a JSON object")
    if own := [name for name in OWN if name in value]:
        raise Refusal("attributes", f"holds {own[0]}, which has a column of its own")
    return value
