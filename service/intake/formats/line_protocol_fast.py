"""A fast parser for lines of line protocol with both values and nothing unusual, which it rewrites and decodes as one
JSON text.

For lines that it accepts, the result is the same as that of the exact parser. It declines all others.
"""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

SPACE = "\x7f"
"""Stands for an escaped space in the heads that decode_plain() returns. Text that contains this character is
declined."""

_UNUSUAL = (b'"', b"[", b"]", b"\t", b"\r", b"null", SPACE.encode())
_ESCAPES = {b"\\ ": SPACE.encode(), b"\\,": rb"\\\u002c", b"\\=": rb"\\\u003d"}
"""What escaped characters are replaced by, so that they no longer separate anything; the most usual first."""
_ORDERS = (("plan", "fact"), ("fact", "plan"))


def _plain_decoder(first: str, second: str, number: Any, *, stamped: bool) -> Callable[[bytes], list[Any]]:
    """A decoder of lines as [series, first, null, second, ts], in which null leaves room for the attributes."""
    ts: Any = ("ts", int) if stamped else ("ts", None, None)
    fields = [("series", str), (first, number), ("mark", None), (second, number), ts, ("attributes", None, None)]
    line = msgspec.defstruct("_Line", fields, array_like=True, forbid_unknown_fields=True, gc=False)
    return msgspec.json.Decoder(list[line]).decode  # type: ignore[valid-type]


_Int64 = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_decode_lines = {
    (order, kind, stamped): _plain_decoder(*order, kind, stamped=stamped)
    for order in _ORDERS
    for kind in (float, _Int64)
    for stamped in (True, False)
}


def decode_plain(text: bytes) -> list[Any] | None:
    """The lines, if all of them have the form `head plan=1,fact=2`, or all the other order, and either all or none of
    them have a timestamp, and an `i` behind their numbers; otherwise None.

    The parts are counted as well, since otherwise a line that lacks a part could pass beside a line that has it twice.
    """
    if any(piece in text for piece in _UNUSUAL):
        return None
    plain = _unescape(text)
    if plain is None:
        return None
    text = plain.removesuffix(b"\n")
    count, spaces = text.count(b"\n") + 1, text.count(b" ")
    if spaces not in (count, 2 * count):
        return None
    for order in _ORDERS:
        first, second = (name.encode() + b"=" for name in order)
        if text.count(b" " + first) == count == text.count(b"," + second):
            break
    else:
        return None
    text = text.replace(b" " + first, b'",')
    kind: Any = float
    if spaces == 2 * count == 2 * text.count(b"i," + second) == 2 * text.count(b"i "):
        text, kind = text.replace(b"i," + second, b",null,").replace(b"i ", b","), _Int64
    else:
        text = text.replace(b"," + second, b",null,").replace(b" ", b",")
    try:
        return _decode_lines[order, kind, spaces > count](b'[["' + text.replace(b"\n", b'],["') + b"]]")
    except ValueError:  # msgspec's errors are ValueErrors
        return None


def head_of(text: str) -> bytes:
    """The head as it was written, with escapes."""
    return text.replace(SPACE, "\\ ").encode()


def _unescape(text: bytes) -> bytes | None:
    """The text with its escapes replaced, so that JSON finds no backslash of its own; None where there are other
    escapes."""
    left = text.count(b"\\")
    for escape, written in _ESCAPES.items():
        if not left:
            break
        if count := text.count(escape):
            text = text.replace(escape, written)
            left -= count
    return None if left else text
