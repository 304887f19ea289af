"""Bodies of lines that are small to send and long to parse: line protocol, NDJSON and CSV."""

from siege.attacks.bodies import MOST, READINGS, post
from siege.target import Assault, Target

_LINES, _NDJSON, _CSV = ({"Content-Type": name} for name in ("text/plain", "application/x-ndjson", "text/csv"))


def line_of_fields(target: Target) -> Assault:
    """Line protocol: one line with 4 million fields, 16 KB as gzip."""
    return post(target, b"m " + b"a=1," * (MOST // 4) + b"a=1", _LINES, "/write")


def line_of_tags(target: Target) -> Assault:
    """Line protocol: one line with 1.4 million tags."""
    tags = b"".join(b",%x=1" % number for number in range(1_400_000))
    return post(target, b"m" + tags + b" plan=1", _LINES, "/write")


def lines_at_the_limit(target: Target) -> Assault:
    """Line protocol: lines of 64 KB, each with as many fields as fit, and with partial=true."""
    line = b"m " + b"a=1," * 16_000 + b"a=1\n"
    return post(target, line * (MOST // len(line)), _LINES, "/write?partial=true")


def strings_without_end(target: Target) -> Assault:
    """Line protocol: lines with a string that doesn't end, and with partial=true."""
    return post(target, b'm a="x\n' * 100_000, _LINES, "/write?partial=true")


def bad_lines(target: Target) -> Assault:
    """Line protocol: as many lines as a batch may have, all of them bad, and with partial=true."""
    return post(target, b"x\n" * READINGS, _LINES, "/write?partial=true")


def empty_lines(target: Target) -> Assault:
    """Line protocol: 16 million empty lines."""
    return post(target, b"\n" * MOST, _LINES, "/write")


def line_of_ndjson(target: Target) -> Assault:
    """NDJSON: one line of 16 MB."""
    return post(target, b'{"a":[' + b"0," * (MOST // 2 - 10) + b"0]}", _NDJSON)


def bad_ndjson(target: Target) -> Assault:
    """NDJSON: as many lines as a batch may have, each left out, with partial=true."""
    return post(target, b"[]\n" * READINGS, _NDJSON, "/readings?partial=true")


def row_of_cells(target: Target) -> Assault:
    """CSV: a row with 16 million cells."""
    return post(target, b"plan,fact\n" + b"," * (MOST - 20), _CSV)


def header_of_columns(target: Target) -> Assault:
    """CSV: a header with 2 million columns."""
    return post(target, b"plan" + b"".join(b",%x" % number for number in range(2_000_000)) + b"\n", _CSV)


def quote_without_end(target: Target) -> Assault:
    """CSV: a quoted cell of 16 MB that doesn't end, with many lines in it, and with partial=true."""
    return post(target, b'plan,fact\n"' + b"1,2\n" * (MOST // 4 - 10), _CSV, "/readings?partial=true")


def rows(target: Target) -> Assault:
    """CSV: as many rows as a batch may have, with blanks around their cells."""
    return post(target, b"plan,fact,note\n" + b' 1 , 2 ,"a "\n' * READINGS, _CSV)


ATTACKS = (
    line_of_fields, line_of_tags, lines_at_the_limit, strings_without_end, bad_lines, empty_lines, line_of_ndjson,
    bad_ndjson, row_of_cells, header_of_columns, quote_without_end, rows,
)  # fmt: skip
