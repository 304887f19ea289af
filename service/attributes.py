"""The attributes of a reading: whatever keys it has that aren't ours, kept as JSON."""

import math

import msgspec

from service.errors import Refusal

MAX_ATTRIBUTES = 8 * 1024
"""Bytes of a reading's attributes as JSON."""

_encode = msgspec.json.Encoder(order="sorted").encode


def encode_attributes(values: dict[str, object]) -> bytes | None:
    """The values as JSON text with sorted keys, None where there are none; Refusal for what can't be stored."""
    if not values:
        return None
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
        raise Refusal("attributes", f"can't be kept as JSON: {exc}") from exc
    if len(encoded) > MAX_ATTRIBUTES:
        raise Refusal("attributes", f"{len(encoded)} bytes of JSON, at most {MAX_ATTRIBUTES} are kept")
    # NUL is always written as \u0000; the same six characters also stand for an escaped backslash before u0000.
    if b"\\u0000" in encoded:
        _check_texts(values)
    if b"null" in encoded:
        _check_numbers(values)
    return encoded


def check_text(field: str, text: str) -> None:
    """Refusal for text with a NUL character, which the database can't store, or with half a surrogate pair."""
    if "\0" in text:
        raise Refusal(field.replace("\0", "\\0"), "holds a NUL character, which can't be stored")
    if any("\ud800" <= char <= "\udfff" for char in text):
        raise Refusal(field, "holds half of a surrogate pair, which is no character")


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


def _check_numbers(value: object, key: str = "attributes") -> None:
    """NaN and infinities, which only a lenient parse lets in, would silently become null."""
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
