"""JSON and MessagePack as producers send them: a reading, an array of readings, or an envelope with a batch id.

There are two ways to the same rows. Readings without attributes, which are nearly all readings, are decoded straight
into typed values. Where anything is unusual, the text is decoded again and checked value by value, so that an error can
name the item and the field at fault. What is long is read in pieces by long_json.py and long_msgpack.py.
"""

from typing import Annotated

import msgspec

from service.errors import TooLarge
from service.intake.batch import Packed
from service.intake.byte_order_mark import FIRST_BYTES, unmarked
from service.intake.formats import long_json, long_msgpack
from service.intake.formats.decoding import parse_json, parse_msgpack
from service.intake.formats.envelopes import RefusedEnvelope, answered_under, check_own_id, is_envelope
from service.intake.packer import Packer
from service.intake.plain import Plain
from service.intake.reading import MAX_NAME, MAX_SIZE, TOO_LONG, Rules
from service.intake.turns import Work

SHORT = 16 * 1024
"""The most bytes that are read at once, without turns of others."""
AT_ONCE, FEW = 256 * 1024, 2000
"""A JSON text with more bytes is also read at once up to so many, if it has no more than so many opening braces, and so
not many readings."""
_JSON_BEGINS = tuple(bytes((byte,)) for byte in b"{[ \t\r\n" + FIRST_BYTES)


class PlainFrame(Plain, forbid_unknown_fields=True, gc=False):
    """A reading or an envelope. Where `id` or `readings` is null, it is an attribute of a reading, and the fast way is
    left."""

    id: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)] | msgspec.UnsetType = msgspec.UNSET
    readings: list[Plain] | msgspec.UnsetType = msgspec.UNSET


decode_plain_json = msgspec.json.Decoder(PlainFrame | list[Plain]).decode
decode_plain_msgpack = msgspec.msgpack.Decoder(PlainFrame | list[Plain]).decode


def plain_json(raw: bytes | str, rules: Rules, now: int, batch_id: str | None = None) -> Packed | None:
    """The batch in a JSON text with few readings and nothing unusual, received at `now` (microseconds since 1970); None
    for any other, which is left to careful_json()."""
    if len(raw) > SHORT and (len(raw) > AT_ONCE or _braces(raw) > FEW):
        return None
    try:
        return pack_plain(decode_plain_json(raw), rules, now, batch_id)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        return None


def _braces(raw: bytes | str) -> int:
    return raw.count("{") if isinstance(raw, str) else raw.count(b"{")


def careful_json(
    raw: bytes | str, rules: Rules, now: int, batch_id: str | None = None, *, partial: bool = False
) -> Work[Packed]:
    """The batch in a JSON text that plain_json() doesn't take.

    `batch_id` is an id that was given beside the text. Raises BadRequest where the text isn't JSON; BadReading where
    readings break a rule, unless `partial` leaves these out; TooLarge where there are too many; and RefusedEnvelope
    instead of these where the text is an envelope.
    """
    if len(raw) > SHORT:
        text = raw if isinstance(raw, bytes) else raw.encode()
        packed = yield from long_json.read_long(text, rules, now, batch_id, partial=partial)
        if packed is not None:
            return packed
        if len(text.strip(b" \t\r\n")) > MAX_SIZE:
            raise Packer(rules, now).give_up(TOO_LONG)
    return (yield from pack_checked(parse_json(raw), rules, now, batch_id, partial=partial))


def read_json(
    raw: bytes | str, rules: Rules, now: int, batch_id: str | None = None, *, partial: bool = False
) -> Work[Packed]:
    """The batch in any JSON text. Raises the errors of careful_json()."""
    packed = plain_json(raw, rules, now, batch_id)
    return packed or (yield from careful_json(raw, rules, now, batch_id, partial=partial))


def read_frame(raw: bytes, rules: Rules, now: int) -> Work[Packed]:
    """The batch in a binary frame, which is JSON if it begins like JSON (MessagePack that begins so is a mere number),
    and MessagePack otherwise."""
    if raw.startswith(_JSON_BEGINS):
        return read_json(unmarked(raw), rules, now)
    return read_msgpack(raw, rules, now)


def read_msgpack(raw: bytes, rules: Rules, now: int) -> Work[Packed]:
    """The batch in a MessagePack value."""
    if len(raw) > SHORT:
        packed = yield from long_msgpack.read_long(raw, rules, now)
        if packed is None and len(raw) > MAX_SIZE:
            raise Packer(rules, now).give_up(TOO_LONG)
    else:
        try:
            packed = pack_plain(decode_plain_msgpack(raw), rules, now, None)
        except (ValueError, RecursionError):
            packed = None
    return packed or (yield from pack_checked(parse_msgpack(raw), rules, now, None))


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


def pack_checked(value: object, rules: Rules, now: int, batch_id: str | None, *, partial: bool = False) -> Work[Packed]:
    """The batch, after a check of each value. Raises the errors of careful_json()."""
    if not is_envelope(value):
        packer = Packer(rules, now, batch_id, partial=partial)
        return (yield from _check(value if isinstance(value, list) else [value], packer))
    with answered_under(value.get("id")):
        own_id = check_own_id(value.get("id"), batch_id)
        return (yield from _check(value["readings"], Packer(rules, now, own_id, partial=partial)))


def _check(values: list[object], packer: Packer) -> Work[Packed]:
    for value in values:
        packer.add_value(value)
        yield
    return packer.finish()
