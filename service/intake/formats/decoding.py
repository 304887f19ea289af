"""JSON and MessagePack as Python values. What can't be decoded, but might be named by a check of the reading that holds
it, gets a value that every check refuses."""

import json
import math

import msgspec

from service.errors import BadRequest

MAX_DIGITS = 4300
"""The most digits of an integer that Python reads."""
UNREADABLE = object()
"""Stands for a MessagePack value that can't be decoded, although its length is known. Every check refuses it."""
_LEVELS = 3
"""The levels from an envelope down to the fields of its readings."""

_decode_json = msgspec.json.Decoder().decode
_decode_msgpack = msgspec.msgpack.Decoder().decode
decode_list = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
decode_map = msgspec.msgpack.Decoder(dict[str, msgspec.Raw]).decode


def parse_json(raw: bytes | str) -> object:
    """A JSON text as Python values. Raises BadRequest where it isn't JSON.

    NaN, Infinity, numbers like 1e999 and halves of surrogate pairs are accepted here, so that the checks can name the
    field that holds them.
    """
    try:
        return _decode_json(raw)
    except RecursionError as exc:
        raise too_deep("JSON") from exc
    except ValueError as exc:
        lenient = _parse_lenient(raw)
        if lenient is not UNREADABLE:
            return lenient
        raise BadRequest(f"This isn't JSON: {_why(raw, exc)}.") from exc


def _why(raw: bytes | str, exc: ValueError) -> str:
    if not raw.strip():
        return "it is empty"
    if isinstance(exc, UnicodeDecodeError) and isinstance(raw, bytes):
        try:
            raw.decode()  # the decoder counts from the beginning of a string within the text
        except UnicodeDecodeError as whole:
            return not_utf8(whole)
    return str(exc).removeprefix("JSON is malformed: ")


def not_utf8(exc: UnicodeDecodeError, at: int = 0) -> str:
    """Where a text isn't UTF-8, of which a part that begins at `at` was decoded."""
    return f"0x{exc.object[exc.start]:02x} isn't UTF-8 (byte {at + exc.start})"


def parse_msgpack(raw: bytes) -> object:
    """A MessagePack value as Python values. Raises BadRequest where it isn't MessagePack.

    A field that can't be decoded, such as a time out of range, gets a value that the checks refuse by the field's name.
    """
    try:
        return _decode_msgpack(raw)
    except RecursionError as exc:
        raise too_deep("MessagePack") from exc
    except (ValueError, TypeError, OverflowError) as exc:
        lenient = parse_parts(raw, _LEVELS)
        if lenient is not UNREADABLE:
            return lenient
        raise not_msgpack(exc) from exc


def parse_parts(raw: bytes, levels: int) -> object:
    """A MessagePack value, in which parts that can't be decoded are replaced by UNREADABLE, down to so many levels."""
    try:
        return _decode_msgpack(raw)
    except (ValueError, TypeError, OverflowError, RecursionError):
        if not levels:
            return UNREADABLE
    try:
        return [parse_parts(bytes(part), levels - 1) for part in decode_list(raw)]
    except (ValueError, RecursionError):
        pass
    try:
        return {key: parse_parts(bytes(part), levels - 1) for key, part in decode_map(raw).items()}
    except (ValueError, RecursionError):
        return UNREADABLE


def too_deep(what: str) -> BadRequest:
    return BadRequest(f"The {what} is nested too deeply.")


def not_msgpack(why: Exception) -> BadRequest:
    """The error for what isn't MessagePack, as its decoder says."""
    said = str(why).removeprefix("MessagePack data is malformed: ").rstrip(".")
    said = said.replace("map keys must be hashable", "a key isn't text")
    return BadRequest(f"This isn't MessagePack: {said}.")


def parse_int(digits: str) -> int | float:
    """An integer, or infinity where it has more digits than Python reads."""
    return math.inf if len(digits) > MAX_DIGITS else int(digits)


def _parse_lenient(raw: bytes | str) -> object:
    """A second attempt, for text that is JSON except for values such as NaN, so that the checks can name their
    fields."""
    try:
        # given bytes, json would guess their encoding
        return json.loads(raw if isinstance(raw, str) else raw.decode(), parse_int=parse_int)
    except (ValueError, RecursionError):
        return UNREADABLE
