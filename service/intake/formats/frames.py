"""JSON and MessagePack as producers send them: a reading, an array of readings, or an envelope with a batch id.

There are two ways to the same rows. Readings without attributes, which are nearly all readings, are decoded straight
into typed values. Where anything is unusual, the text is decoded again and checked value by value, so that an error can
name the item and the field at fault.
"""

import json
import math
from typing import Annotated, Any, TypeGuard

import msgspec

from service.errors import BadReading, BadRequest, TooLarge
from service.intake.batch import Packed
from service.intake.byte_order_mark import FIRST_BYTES, unmarked
from service.intake.packer import Packer, Plain
from service.intake.reading import MAX_NAME, Rules, check_batch_id


class PlainFrame(Plain, forbid_unknown_fields=True, gc=False):
    """A reading or an envelope. Where `id` or `readings` is null, it is an attribute of a reading, and the fast way is
    left."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)] | msgspec.UnsetType = msgspec.UNSET
    readings: list[Plain] | msgspec.UnsetType = msgspec.UNSET


decode_plain_json = msgspec.json.Decoder(PlainFrame | list[Plain]).decode
decode_plain_msgpack = msgspec.msgpack.Decoder(PlainFrame | list[Plain]).decode
_decode_json = msgspec.json.Decoder().decode
_decode_msgpack = msgspec.msgpack.Decoder().decode
_decode_list = msgspec.msgpack.Decoder(list[msgspec.Raw]).decode
_decode_map = msgspec.msgpack.Decoder(dict[str, msgspec.Raw]).decode
_JSON_BEGINS = tuple(bytes((byte,)) for byte in b"{[ \t\r\n" + FIRST_BYTES)
MAX_DIGITS = 4300
"""The most digits of an integer that Python reads."""
_UNREADABLE = object()
"""Stands for a MessagePack value that can't be decoded, although its length is known. Every check refuses it."""
_LEVELS = 3
"""The levels from an envelope down to the fields of its readings."""


class RefusedEnvelope(BadRequest):
    """An envelope is refused. `batch_id` is its id as it was sent, of whatever type, if that can be sent back."""

    def __init__(self, error: BadRequest | TooLarge, batch_id: object) -> None:
        super().__init__(error.detail, error.faults if isinstance(error, BadRequest) else ())
        self.status, self.reason = error.status, error.reason
        self.batch_id = batch_id if _can_be_sent(batch_id) else None


def read_json(
    raw: bytes | str, rules: Rules, now: int, batch_id: str | None = None, *, partial: bool = False
) -> Packed:
    """The batch in a JSON text that was received at `now` (microseconds since 1970).

    `batch_id` is an id that was given beside the text. Raises BadRequest where the text isn't JSON; BadReading where
    readings break a rule, unless `partial` leaves these out; TooLarge where there are too many; and RefusedEnvelope
    instead of these where the text is an envelope.
    """
    try:
        packed = pack_plain(decode_plain_json(raw), rules, now, batch_id)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        packed = None
    return packed or pack_checked(parse_json(raw), rules, now, batch_id, partial=partial)


def read_frame(raw: bytes, rules: Rules, now: int) -> Packed:
    """The batch in a binary frame, which is JSON if it begins like JSON (MessagePack that begins so is a mere number),
    and MessagePack otherwise."""
    if raw.startswith(_JSON_BEGINS):
        return read_json(unmarked(raw), rules, now)
    return read_msgpack(raw, rules, now)


def read_msgpack(raw: bytes, rules: Rules, now: int) -> Packed:
    """The batch in a MessagePack value."""
    try:
        packed = pack_plain(decode_plain_msgpack(raw), rules, now, None)
    except (ValueError, RecursionError):
        packed = None
    return packed or pack_checked(parse_msgpack(raw), rules, now, None)


def parse_json(raw: bytes | str) -> object:
    """A JSON text as Python values. Raises BadRequest where it isn't JSON.

    NaN, Infinity, numbers like 1e999 and halves of surrogate pairs are accepted here, so that the checks can name the
    field that holds them.
    """
    try:
        return _decode_json(raw)
    except RecursionError as exc:
        raise BadRequest("The JSON is nested too deeply.") from exc
    except ValueError as exc:
        lenient = _parse_lenient(raw)
        if lenient is not _UNREADABLE:
            return lenient
        raise BadRequest(f"This isn't JSON: {str(exc).removeprefix('JSON is malformed: ')}.") from exc


def parse_msgpack(raw: bytes) -> object:
    """A MessagePack value as Python values. Raises BadRequest where it isn't MessagePack.

    A field that can't be decoded, such as a time out of range, gets a value that the checks refuse by the field's name.
    """
    try:
        return _decode_msgpack(raw)
    except RecursionError as exc:
        raise BadRequest("The MessagePack is nested too deeply.") from exc
    except (ValueError, TypeError, OverflowError) as exc:
        lenient = _parse_parts(raw, _LEVELS)
        if lenient is not _UNREADABLE:
            return lenient
        why = str(exc).removeprefix("MessagePack data is malformed: ").rstrip(".")
        why = why.replace("map keys must be hashable", "a key isn't text")
        raise BadRequest(f"This isn't MessagePack: {why}.") from exc


def is_envelope(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether the value is an envelope: an object whose `readings` is an array. Any other object is a reading."""
    return isinstance(value, dict) and isinstance(value.get("readings"), list)


def pack_plain(value: PlainFrame | list[Plain], rules: Rules, now: int, batch_id: str | None) -> Packed | None:
    """The batch; None where anything is unusual, so that it has to be checked value by value."""
    if isinstance(value, list):
        items = value
    elif value.readings is msgspec.UNSET:
        items = [value]
        if value.id is not msgspec.UNSET:  # this `id` isn't that of an envelope, so it is an attribute
            return None
    else:
        items = value.readings
        if value.id is msgspec.UNSET or "\0" in value.id or batch_id not in (None, value.id):
            return None
        batch_id = value.id
    packer = Packer(rules, now, batch_id)
    try:
        return packer.finish() if packer.add_all(items) else None
    except TooLarge as exc:
        if isinstance(value, list):
            raise
        raise RefusedEnvelope(exc, batch_id) from exc


def pack_checked(value: object, rules: Rules, now: int, batch_id: str | None, *, partial: bool = False) -> Packed:
    """The batch, after a check of each value. Raises the errors of read_json()."""
    if not is_envelope(value):
        return _check(value if isinstance(value, list) else [value], Packer(rules, now, batch_id), partial=partial)
    try:
        own_id = check_batch_id(value.get("id"))
        if batch_id not in (None, own_id):
            raise BadReading(f"The envelope's id {own_id!r} isn't the id given with the request.")
        return _check(value["readings"], Packer(rules, now, own_id), partial=partial)
    except (BadRequest, TooLarge) as exc:
        raise RefusedEnvelope(exc, value.get("id")) from exc


def _check(values: list[object], packer: Packer, *, partial: bool) -> Packed:
    for value in values:
        packer.add_value(value)
    return packer.finish(partial=partial)


def _parse_lenient(raw: bytes | str) -> object:
    """A second attempt, for text that is JSON except for values such as NaN, so that the checks can name their
    fields."""
    try:
        # given bytes, json would guess their encoding
        return json.loads(raw if isinstance(raw, str) else raw.decode(), parse_int=_int)
    except (ValueError, RecursionError):
        return _UNREADABLE


def _int(digits: str) -> int | float:
    """An integer, or infinity where it has more digits than Python reads."""
    return math.inf if len(digits) > MAX_DIGITS else int(digits)


def _parse_parts(raw: bytes, levels: int) -> object:
    """The value, in which parts that can't be decoded are replaced by _UNREADABLE, down to so many levels."""
    try:
        return _decode_msgpack(raw)
    except (ValueError, TypeError, OverflowError, RecursionError):
        if not levels:
            return _UNREADABLE
    try:
        return [_parse_parts(bytes(part), levels - 1) for part in _decode_list(raw)]
    except ValueError:
        pass
    try:
        return {key: _parse_parts(bytes(part), levels - 1) for key, part in _decode_map(raw).items()}
    except ValueError:
        return _UNREADABLE


def _can_be_sent(value: object) -> bool:
    try:
        msgspec.json.encode(value)
    except (ValueError, TypeError, OverflowError, RecursionError):
        return False
    return True
