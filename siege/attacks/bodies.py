"""Bodies of requests that are small to send and long to parse."""

from siege.target import Assault, Target
from siege.wire import ask, request, squeezed

_GZIP = {"Content-Encoding": "gzip"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_JSON, _NDJSON, _CSV = ({"Content-Type": name} for name in ("application/json", "application/x-ndjson", "text/csv"))
MOST = 16 * 2**20 - 100
"""A little less than MAX_BODY_BYTES."""


def line_of_fields(target: Target) -> Assault:
    """Line protocol: one line with 4 million fields, 16 KB as gzip."""
    body = squeezed(b"m " + b"a=1," * (MOST // 4) + b"a=1")
    return lambda: ask(target, request("POST", "/write", body, _GZIP))


def line_of_tags(target: Target) -> Assault:
    """Line protocol: one line with 1.4 million tags."""
    tags = b"".join(b",%x=1" % number for number in range(1_400_000))
    body = squeezed(b"m" + tags + b" plan=1")
    return lambda: ask(target, request("POST", "/write", body, _GZIP))


def form_of_keys(target: Target) -> Assault:
    """A form with 8 million keys, for InfluxQL."""
    body = b"a&" * (MOST // 2)
    return lambda: ask(target, request("POST", "/query", body, _FORM))


def empty_arrays(target: Target) -> Assault:
    """JSON: an array of 5 million empty arrays."""
    body = b"[" + b"[]," * (MOST // 3) + b"[]]"
    return lambda: ask(target, request("POST", "/readings", body, _JSON))


def line_of_ndjson(target: Target) -> Assault:
    """NDJSON: one line of 16 MB."""
    body = b'{"a":[' + b"0," * (MOST // 2 - 10) + b"0]}"
    return lambda: ask(target, request("POST", "/readings", body, _NDJSON))


def row_of_cells(target: Target) -> Assault:
    """CSV: a row with 16 million cells."""
    body = b"plan,fact\n" + b"," * (MOST - 20)
    return lambda: ask(target, request("POST", "/readings", body, _CSV))


ATTACKS = (line_of_fields, line_of_tags, form_of_keys, empty_arrays, line_of_ndjson, row_of_cells)
