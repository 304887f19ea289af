"""Reads a row of a table as a reading: what each column means, and how its text is parsed. No I/O."""

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from emitter.data.times import EPOCH, is_small_number, parse_moment
from emitter.errors import BadRow, BadTable
from emitter.producer.readings import MAX_ATTRIBUTES, MAX_SERIES, OWN_KEYS, Reading

LATEST, LATEST_PLAN = timedelta(days=1), timedelta(days=400)
"""How far ahead of the clock a reading may be, with a fact and without one; these are the defaults of the service."""

_NUMBER = re.compile(r"-?(0|[1-9]\d{0,14})(\.\d{1,17})?([eE][+-]?\d{1,2})?")
_encode = msgspec.json.Encoder().encode


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """The meaning of the columns. None stands for the column of the same name, if there is one.

    `series_name` is for tables and rows without a series, `zone` for times without an offset. `time_format` is as in
    `strptime`; None means ISO 8601 or epoch. `attributes` says whether the other columns become attributes.
    """

    ts: str = "ts"
    plan: str | None = None
    fact: str | None = None
    series: str | None = None
    series_name: str | None = None
    zone: str | None = None
    time_format: str | None = None
    attributes: bool = True
    delimiter: str = ","


class _BadCell(Exception):
    """A cell can't be used."""

    def __init__(self, column: str, detail: str) -> None:
        super().__init__(column, detail)
        self.column, self.detail = column, detail


class Cells:
    """Reads the rows below a header. Raises BadTable where the header doesn't match the layout."""

    def __init__(self, header: Sequence[str], layout: Layout) -> None:
        self._header = [name.strip() for name in header]
        self._layout = layout
        if len(self._header) == 1 and (mark := _delimiter_in(self._header[0], layout.delimiter)):
            raise BadTable(f"its header {self._header[0][:60]!r} has only one column: use --delimiter {mark}")
        self._zone = ZoneInfo(layout.zone) if layout.zone else None
        self._ts = self._find("ts", layout.ts)
        self._plan = self._find("plan", layout.plan)
        self._fact = self._find("fact", layout.fact)
        self._series = None if layout.series_name and not layout.series else self._find("series", layout.series)
        self._span = self._find("for", None)
        self._others = self._name_others() if layout.attributes else {}
        if self._plan is None and self._fact is None:
            raise BadTable(f"no column for plan or fact: name one with --plan or --fact; {self._names()}")

    def read(self, line: int, cells: Sequence[str]) -> Reading:
        """The reading in a row. Raises BadRow where there is none."""
        try:
            return self._read(cells)
        except _BadCell as refusal:
            raise BadRow(line, refusal.column, refusal.detail) from None

    def _read(self, cells: Sequence[str]) -> Reading:
        if len(cells) != len(self._header):
            raise _BadCell("", f"{len(cells)} cells where the header has {len(self._header)}")
        for name, cell in zip(self._header, cells, strict=True):
            if "\0" in cell:
                raise _BadCell(name, "holds a NUL character")
        fact = self._number(cells, self._fact)
        return Reading(
            ts=self._moment(cells, LATEST_PLAN if fact is None else LATEST),
            series=self._series_of(cells),
            plan=self._number(cells, self._plan),
            fact=fact,
            attributes=self._attributes_of(cells),
            span=None if self._span is None else cells[self._span].strip() or None,
        )

    def _find(self, option: str, given: str | None) -> int | None:
        """The number of a column. A column may be missing if no option names it, except for `ts`."""
        name = given or option
        if (found := self._header.count(name)) > 1:
            raise BadTable(f"{found} columns are called {name!r}; {self._names()}")
        if found:
            return self._header.index(name)
        if given:
            raise BadTable(f"no column {name!r}: name the right one with --{option}; {self._names()}")
        if like := [other for other in self._header if other.lower() == name]:
            raise BadTable(f"no column {name!r}, but {like[0]!r}: if that is it, say --{option} {like[0]!r}")
        return None

    def _name_others(self) -> dict[int, str]:
        """The columns that become attributes, with names that have no other meaning for the service."""
        used = {self._ts, self._plan, self._fact, self._series, self._span}
        return {
            number: f"column_{name}" if name.lower() in OWN_KEYS else name
            for number, name in enumerate(self._header)
            if name and number not in used
        }

    def _names(self) -> str:
        return f"the columns are {', '.join(self._header)}"

    def _moment(self, cells: Sequence[str], latest: timedelta) -> datetime:
        column, text = self._layout.ts, cells[self._ts or 0].strip()
        if self._layout.time_format is None and is_small_number(text):
            raise _BadCell(column, f"{text!r} is too small for epoch seconds (is it a spreadsheet's day?)")
        moment = self._parse(text)
        if moment is None:
            wanted = self._layout.time_format or "2026-01-31T14:05:00Z or 1769868300"
            raise _BadCell(column, f"{text!r} isn't a time like {wanted}")
        if moment.tzinfo is None:
            moment = self._place(moment, column)
        moment = moment.astimezone(UTC)
        if not EPOCH <= moment <= datetime.now(UTC) + latest:
            raise _BadCell(column, f"{text!r} is {'before 1970' if moment < EPOCH else 'in the future'}")
        return moment

    def _parse(self, text: str) -> datetime | None:
        if self._layout.time_format is None:
            return parse_moment(text)
        try:
            return datetime.strptime(text, self._layout.time_format)  # noqa: DTZ007 - the zone is added below
        except ValueError:
            return None

    def _place(self, moment: datetime, column: str) -> datetime:
        """A naive time in the layout's zone; where clocks were set back, the first of two such times."""
        if self._zone is None:
            raise _BadCell(column, f"{moment} has no time zone: name it with --tz")
        placed = moment.replace(tzinfo=self._zone)
        if placed.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None) != moment:
            raise _BadCell(column, f"{moment} doesn't exist in {self._layout.zone}: clocks were set forward then")
        return placed

    def _series_of(self, cells: Sequence[str]) -> str:
        name = cells[self._series].strip() if self._series is not None else self._layout.series_name or "default"
        name = name or self._layout.series_name or ""
        if not 1 <= len(name) <= MAX_SERIES:
            raise _BadCell(
                self._layout.series or "series", f"has {len(name)} characters; 1 to {MAX_SERIES} are allowed"
            )
        return name

    def _number(self, cells: Sequence[str], column: int | None) -> int | float | None:
        """The number in a cell, None where it is empty."""
        text = cells[column].strip() if column is not None else ""
        if column is None or not text:
            return None
        number = _plain_number(text)
        if number is None:
            number = _any_number(text)
        if number is None:
            is_comma = _any_number(text.replace(",", ".", 1)) is not None
            wanted = "number with a decimal point" if is_comma else "finite number"
            raise _BadCell(self._header[column], f"{text!r} isn't a {wanted}")
        return number

    def _attributes_of(self, cells: Sequence[str]) -> dict[str, object]:
        attributes: dict[str, object] = {}
        for column, name in self._others.items():
            if text := cells[column].strip():
                number = _plain_number(text)
                attributes[name] = text if number is None else number
        if attributes and (size := len(_encode(attributes))) > MAX_ATTRIBUTES:
            raise _BadCell("", f"{size} bytes of attributes; at most {MAX_ATTRIBUTES} are allowed")
        return attributes


def _delimiter_in(name: str, given: str) -> str | None:
    """The character that seems to separate columns in a header that was read as a single column, as it is written on
    the command line."""
    found = max((";", "\t", "|", ","), key=name.count)
    return {"\t": "tab"}.get(found, f"'{found}'") if found in name and found != given else None


def _plain_number(text: str) -> int | float | None:
    """A number in the syntax of JSON; None for 007 and 1_000, which are text, and for numbers that don't fit a
    float."""
    match = _NUMBER.fullmatch(text)
    if match is None:
        return None
    return float(text) if match[2] or match[3] else int(text)


def _any_number(text: str) -> float | None:
    """A finite number in any syntax, such as +5, .5 or 007."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in text else None
