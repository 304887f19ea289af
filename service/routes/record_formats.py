"""Records as NDJSON and CSV, which can be posted back as readings. All values of a column are turned to text at once, a
tenth of the work of doing so reading by reading."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from itertools import repeat

import msgspec

from service.spreadsheets import BYTE_ORDER_MARK, guarded
from service.store import Columns, Record

COLUMNS = ("ts", "series", "plan", "fact", "attributes")


class _Line(msgspec.Struct, frozen=True, gc=False):
    ts: datetime
    series: str
    plan: float
    fact: float


_encode = msgspec.json.Encoder().encode
_encode_lines = msgspec.json.Encoder().encode_lines


def ndjson(part: Columns) -> bytes:
    """One line per reading; attributes are keys beside the others, as they were sent."""
    own = _encode_lines(list(map(_Line, part.moments(), part.series(), part.plan, part.fact)))
    # NaN is written as null. No text has these bytes within it, since its own quotes have a backslash before them.
    own = own.replace(b',"plan":null', b"").replace(b',"fact":null', b"")
    if part.attributes is None:
        return own
    return b"".join(map(_joined, own.splitlines(), part.attributes))


def _joined(own: bytes, attributes: bytes | None) -> bytes:
    """A line of one JSON object, made of two."""
    return own + b"\n" if attributes is None else b"%b,%b\n" % (own[:-1], attributes[1:])


def table(records: Sequence[Record], *, excel: bool = False) -> bytes:
    """CSV: the header, and one row per record; attributes are a JSON object in a column of their own. `excel`: for a
    spreadsheet; it can't be posted back exactly."""
    if not records:
        return table_head(excel=excel)
    ts, series, plan, fact, attributes = zip(*map(msgspec.structs.astuple, records), strict=True)
    return table_head(excel=excel) + _rows(ts, series, plan, fact, attributes, excel=excel)


def table_head(*, excel: bool = False) -> bytes:
    """The first row of CSV, which names the columns."""
    return f"{BYTE_ORDER_MARK if excel else ''}{','.join(COLUMNS)}\r\n".encode()


def table_rows(part: Columns, *, excel: bool = False) -> bytes:
    """The rows of CSV for some readings."""
    return _rows(part.moments(), part.series(), part.plan.tolist(), part.fact.tolist(), part.attributes, excel=excel)


def _rows(
    ts: Sequence[datetime],
    series: Sequence[str],
    plan: Sequence[float | None],
    fact: Sequence[float | None],
    attributes: Sequence[bytes | msgspec.Raw | None] | None,
    *,
    excel: bool,
) -> bytes:
    names = {name: _name(guarded(name) if excel else name) for name in set(series)}
    times = _encode(ts)[2:-2].split(b'","')
    objects = repeat(b"") if attributes is None else map(_object, attributes)
    cells = zip(times, map(names.__getitem__, series), _numbers(plan), _numbers(fact), objects, strict=False)
    return b"\r\n".join(map(b",".join, cells)) + b"\r\n"


def _name(text: str) -> bytes:
    """The cell of a series. Our CSV reader ignores blanks around a cell unless they are within quotes."""
    out = io.StringIO(newline="")
    has_blanks = text != text.strip(" \t")
    csv.writer(out, lineterminator="\r\n", quoting=csv.QUOTE_ALL if has_blanks else csv.QUOTE_MINIMAL).writerow((text,))
    return out.getvalue().removesuffix("\r\n").encode()


def _object(attributes: bytes | msgspec.Raw | None) -> bytes:
    """The cell of attributes. JSON without quotes has nothing that would need some."""
    text = b"" if attributes is None else bytes(attributes)
    return b'"%b"' % text.replace(b'"', b'""') if b'"' in text else text


def _numbers(values: Sequence[float | None]) -> list[bytes]:
    text = _encode(values)
    if b"e" in text or b"0.0000" in text:  # very large and very small ones, which JSON has in another form than Python
        return [_number(value) for value in values]
    return text[1:-1].replace(b".0,", b",").removesuffix(b".0").replace(b"null", b"").split(b",")


def _number(value: float | None) -> bytes:
    return b"" if value is None or value != value else repr(value).removesuffix(".0").encode()
