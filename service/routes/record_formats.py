"""Records as NDJSON and CSV, which can be posted back as readings."""

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from service.spreadsheets import BYTE_ORDER_MARK, guarded
from service.store import Record

COLUMNS = ("ts", "series", "plan", "fact", "attributes")


class _Line(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    ts: datetime
    series: str
    plan: float | None = None
    fact: float | None = None


_encode_lines = msgspec.json.Encoder().encode_lines


def ndjson(records: Sequence[Record]) -> bytes:
    """One line per record; attributes are keys beside the others, as they were sent."""
    own = _encode_lines([_Line(one.ts, one.series, one.plan, one.fact) for one in records])
    if all(one.attributes is None for one in records):
        return own
    return b"".join(map(_joined, own.splitlines(), (one.attributes for one in records)))


def _joined(own: bytes, attributes: msgspec.Raw | None) -> bytes:
    """A line of one JSON object, made of two."""
    return own + b"\n" if attributes is None else b"%b,%b\n" % (own[:-1], bytes(attributes)[1:])


def table(records: Iterable[Record], *, header: bool = True, excel: bool = False) -> bytes:
    """CSV, one row per record; attributes are a JSON object in a column of their own. With `header` the first row names
    the columns. `excel`: for a spreadsheet; it can't be posted back exactly."""
    out = io.StringIO(newline="")
    out.write(BYTE_ORDER_MARK if header and excel else "")
    write = csv.writer(out, lineterminator="\r\n").writerow
    # our CSV reader ignores blanks around a cell unless they are within quotes
    write_in_quotes = csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL).writerow
    if header:
        write(COLUMNS)
    for one in records:
        attributes = "" if one.attributes is None else bytes(one.attributes).decode()
        series = guarded(one.series) if excel else one.series
        row = write if series == series.strip(" \t") else write_in_quotes
        row((_time(one.ts), series, _number(one.plan), _number(one.fact), attributes))
    return out.getvalue().encode()


def _time(ts: datetime) -> str:
    return ts.isoformat().replace("+00:00", "Z")


def _number(value: float | None) -> str:
    return "" if value is None else repr(value).removesuffix(".0")
