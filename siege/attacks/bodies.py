"""Bodies of requests that are small to send and long to parse: JSON, forms, and gzip."""

from siege.target import Assault, Target
from siege.wire import ask, request, squeezed

MOST = 16 * 2**20 - 100
"""A little less than MAX_BODY_BYTES."""
READINGS = 99_000
"""A little fewer than the embedded engine takes in a batch."""
JSON = {"Content-Type": "application/json"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_MULTIPART = {"Content-Type": "multipart/form-data; boundary=x"}


def post(target: Target, body: bytes, fields: dict[str, str], path: str = "/readings") -> Assault:
    """Send a body as gzip."""
    sent = request("POST", path, squeezed(body), fields | {"Content-Encoding": "gzip"})
    return lambda: ask(target, sent)


def array_of(item: bytes, count: int) -> bytes:
    """A JSON array that repeats an item."""
    return b"[" + (item + b",") * (count - 1) + item + b"]"


def empty_arrays(target: Target) -> Assault:
    """JSON: an array of 5 million empty arrays."""
    return post(target, array_of(b"[]", MOST // 3), JSON)


def empty_arrays_in_part(target: Target) -> Assault:
    """JSON: the same, each of which is left out, with partial=true."""
    return post(target, array_of(b"[]", READINGS), JSON, "/readings?partial=true")


def empty_arrays_in_an_envelope(target: Target) -> Assault:
    """JSON: the same, in an envelope whose id comes last."""
    return post(target, b'{"readings":' + array_of(b"[]", MOST // 3 - 20) + b',"id":"x"}', JSON)


def readings_with_attributes(target: Target) -> Assault:
    """JSON: as many readings as a batch may have, each with an attribute."""
    return post(target, array_of(b'{"a":1}', READINGS), JSON)


def empty_readings(target: Target) -> Assault:
    """JSON: as many readings as a batch may have, all empty."""
    return post(target, array_of(b"{}", READINGS), JSON)


def one_huge_item(target: Target) -> Assault:
    """JSON: an array with one item, a reading with 2 million attributes."""
    return post(target, b"[{" + b",".join(b'"%x":1' % number for number in range(1_200_000)) + b"}]", JSON)


def deep_nesting(target: Target) -> Assault:
    """JSON: 16 million opening brackets."""
    return post(target, b"[" * MOST, JSON)


def huge_number(target: Target) -> Assault:
    """JSON: a plan of 16 million digits."""
    return post(target, b'[{"plan":' + b"7" * (MOST - 20) + b"}]", JSON)


def long_time(target: Target) -> Assault:
    """JSON: a `ts` of 16 million characters."""
    return post(target, b'[{"ts":"' + b"2026-01-31T14:05:00Z" * (MOST // 20 - 20) + b'"}]', JSON)


def blanks(target: Target) -> Assault:
    """JSON: 16 million spaces in an array."""
    return post(target, b"[{}," + b" " * (MOST - 20) + b"{}]", JSON)


def form_of_keys(target: Target) -> Assault:
    """A form with 8 million keys, for InfluxQL."""
    sent = request("POST", "/query", b"a&" * (MOST // 2), _FORM)
    return lambda: ask(target, sent)


def form_in_parts(target: Target) -> Assault:
    """A multipart form with 300,000 parts, for InfluxQL."""
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\r\n'
    sent = request("POST", "/query", part * (MOST // len(part)) + b"--x--\r\n", _MULTIPART)
    return lambda: ask(target, sent)


def escaped_quotes(target: Target) -> Assault:
    """InfluxQL: a string without an end that has 5,000 escaped quotes."""
    sent = request("POST", "/query", b"q=" + b'"' + b'\\"' * 4_999, _FORM)
    return lambda: ask(target, sent)


def gzip_members(target: Target) -> Assault:
    """400,000 empty files of gzip in one body."""
    sent = request("POST", "/readings", squeezed(b"") * 400_000, JSON | {"Content-Encoding": "gzip"})
    return lambda: ask(target, sent)


def tiny_chunks(target: Target) -> Assault:
    """A body in a million chunks of one byte."""
    head = b"POST /readings HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n"
    sent = head + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\n \r\n" * 1_000_000 + b"0\r\n\r\n"
    return lambda: ask(target, sent)


ATTACKS = (
    empty_arrays, empty_arrays_in_part, empty_arrays_in_an_envelope, readings_with_attributes, empty_readings,
    one_huge_item, deep_nesting, huge_number, long_time, blanks, form_of_keys, form_in_parts, escaped_quotes,
    gzip_members, tiny_chunks,
)  # fmt: skip
