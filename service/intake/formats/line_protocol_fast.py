"""The quick way through line protocol: lines with both values and nothing unusual, decoded as one JSON text.

Whatever this way takes, the exact one reads to the same rows; whatever it isn't sure of, it leaves alone.
"""

from collections.abc import Callable
from typing import Annotated, Any

import msgspec

SPACE = "\x7f"
"""Stands for an escaped space in what decode_plain() gives as a head; nothing with such a character is taken."""

_UNUSUAL = (b'"', b"[", b"]", b"\t", b"\r", b"null", SPACE.encode())
_ESCAPES = {b"\\ ": SPACE.encode(), b"\\,": rb"\\\u002c", b"\\=": rb"\\\u003d"}
"""Escaped characters, the most usual first, as JSON may hold them, so that they no longer count."""
_ORDERS = (("plan", "fact"), ("fact", "plan"))


def _plain_decoder(first: str, second: str, number: Any, *, stamped: bool) -> Callable[[bytes], list[Any]]:
    """Decodes lines as [series, first, null, second, ts]; attributes is there to be filled in."""
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
    """The lines, if each is `head plan=1,fact=2` or the other way round, all with a timestamp or none, all `i` or none.

    Counting keeps out what replacing alone would let in: a line that lacks a piece, beside one that has it twice.
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
    """A head as it was written."""
    return text.replace(SPACE, "\\ ").encode()


def _unescape(text: bytes) -> bytes | None:
    """The text without any backslash that JSON would take for one of its own; None where there are other escapes."""
    left = text.count(b"\\")
    for escape, written in _ESCAPES.items():
        if not left:
            break
        if count := text.count(escape):
            text = text.replace(escape, written)
            left -= count
    return None if left else text
