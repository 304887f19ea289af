"""The attributes of a reading: all keys beside ts, series, plan, fact and for, which are stored as JSON."""

import itertools
import math
import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

import msgspec

from service.errors import Refusal

MAX_ATTRIBUTES = 8 * 1024
"""The most bytes of a reading's attributes as JSON. The limit is for the stored text, so that whatever was accepted can
be exported and sent in again."""

MAX_DEPTH = 200
"""The most levels of nested brackets. How many a parser would survive depends on its call depth and on the Python
version."""
MAX_NOTE = 500
"""The most characters of a note."""
OWN_KEYS = frozenset(("ts", "series", "plan", "fact", "for"))
"""The keys of a reading that aren't attributes."""


def otherwise_cased(names: Iterable[str]) -> frozenset[str]:
    """All spellings of the names in capital and small letters, except the names themselves."""
    every = {"".join(chars) for name in names for chars in itertools.product(*zip(name, name.upper(), strict=True))}
    return frozenset(every - set(names))


_SLIPS = otherwise_cased(OWN_KEYS)
_SHORTENED = re.compile(rb"[0-9]e")
_STRING_OR_SHORTENED = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|(-?[0-9]+(?:\.[0-9]+)?e[+-]?[0-9]+)')

_encode = msgspec.json.Encoder(order="sorted").encode


def encode_attributes(values: dict[str, object]) -> bytes | None:
    """The values as JSON text with sorted keys; None where there are no values. Raises Refusal for what can't be
    stored."""
    if not values:
        return None
    if not _SLIPS.isdisjoint(values):
        name = next(name for name in values if name in _SLIPS)
        raise Refusal(name, f'field names are lower case: write "{name.lower()}"')
    try:
        return _checked(values)
    except RecursionError as exc:
        raise Refusal("attributes", "are nested too deeply") from exc


def _checked(values: dict[str, object]) -> bytes:
    try:
        encoded = _encode(values)
    except (TypeError, ValueError, OverflowError) as exc:
        if isinstance(exc, UnicodeEncodeError):
            _check_texts(values)
        _check_types(values)
        raise Refusal("attributes", "can't be kept as JSON") from exc
    if (size := _stored_size(encoded)) > MAX_ATTRIBUTES:
        raise Refusal("attributes", f"{size} bytes of JSON with numbers written out, at most {MAX_ATTRIBUTES} are kept")
    if len(encoded) > 2 * MAX_DEPTH and _depth(encoded) > MAX_DEPTH:
        raise Refusal("attributes", f"are nested too deeply, at most {MAX_DEPTH} levels are kept")
    # A NUL is always encoded as \u0000, but these six characters may also be an escaped backslash before u0000.
    if b"\\u0000" in encoded:
        _check_texts(values)
    if b"null" in encoded:
        _check_numbers(values)
    return encoded


def _stored_size(encoded: bytes) -> int:
    """The length in bytes of the stored text, in which jsonb writes out all digits of numbers like 1e300."""
    size = len(encoded)
    if size > MAX_ATTRIBUTES or not _SHORTENED.search(encoded):
        return size
    numbers = [found[1].decode() for found in _STRING_OR_SHORTENED.finditer(encoded) if found[1]]
    return size + sum(len(f"{Decimal(number):f}") - len(number) for number in numbers)


def _depth(encoded: bytes) -> int:
    """The levels of nested brackets; where there are few brackets in all, simply their number."""
    if (most := encoded.count(b"[") + encoded.count(b"{")) <= MAX_DEPTH:
        return most
    brackets = re.sub(rb"[^][{}]", b"", _STRING_OR_SHORTENED.sub(b"", encoded))
    return max(itertools.accumulate(1 if bracket in b"[{" else -1 for bracket in brackets))


def check_text(field: str, text: str) -> None:
    """Raise Refusal for text with a NUL character, which the database can't store, or with half a surrogate pair."""
    if "\0" in text:
        raise Refusal(field.replace("\0", "\\0"), "holds a NUL character, which can't be stored")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise Refusal(field, "holds half of a surrogate pair, which is no character")


def check_note(note: object) -> None:
    """Raise Refusal where the attribute `note` of a reading with neither plan nor fact is no text, or one of the wrong
    length: such a reading is a note."""
    if note is None:
        return
    if not isinstance(note, str):
        raise Refusal("note", f"must be text of 1 to {MAX_NOTE} characters, in a reading without plan and fact")
    if not 1 <= len(note) <= MAX_NOTE:
        size = f"{MAX_NOTE} characters, not {len(note):,}, in a reading without plan and fact"
        raise Refusal("note", f"must have 1 to {size}")


def _check_texts(value: object, key: str = "attributes") -> None:
    match value:
        case str():
            check_text(key, value)
        case dict():
            for name, inner in value.items():
                check_text("attributes", str(name))
                _check_texts(inner, str(name))
        case list():
            for inner in value:
                _check_texts(inner, key)
        case _:
            pass


def _check_types(value: object, key: str = "attributes") -> None:
    """Raise Refusal for values that MessagePack has and JSON hasn't."""
    match value:
        case None | bool() | int() | float() | str() | bytes() | datetime():
            pass
        case dict():
            for name, inner in value.items():
                if not isinstance(name, str):
                    raise Refusal(key, "has a key that isn't text; keys must be text")
                _check_types(inner, name)
        case list():
            for inner in value:
                _check_types(inner, key)
        case _:
            raise Refusal(key, "is an extension type or a time out of range, which can't be kept; send it as text")


def _check_numbers(value: object, key: str = "attributes") -> None:
    """Raise Refusal for NaN and infinities, which a lenient parser accepts, and which would silently become null."""
    match value:
        case float() if not math.isfinite(value):
            raise Refusal(key, "must be a finite number")
        case dict():
            for name, inner in value.items():
                _check_numbers(inner, str(name))
        case list():
            for inner in value:
                _check_numbers(inner, key)
        case _:
            pass


def may_be_note(encoded: bytes | None) -> bool:
    """Whether these attributes, as encode_attributes() returns them, may have a note; all that have one may."""
    return encoded is not None and b'"note":' in encoded
