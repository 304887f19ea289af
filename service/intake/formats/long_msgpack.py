"""Reads a long MessagePack value in pieces, so that others have their turns. Its items are cut apart first, without
decoding them, which is fast; a single item has a limit in size."""

import msgspec

from service.intake.batch import Packed
from service.intake.formats.decoding import decode_list, decode_map, not_msgpack, parse_parts, too_deep
from service.intake.formats.envelopes import answered_under, check_own_id
from service.intake.packer import Packer
from service.intake.plain import Plain
from service.intake.reading import MAX_SIZE, TOO_LONG, Rules
from service.intake.turns import Work

PIECE = 200
"""How many items are decoded at once."""
MAX_MEMBERS = 100
"""The most members of an object that is taken for an envelope."""
_LEVELS = 2
"""The levels from a reading down to its fields."""

_decode_plain = msgspec.msgpack.Decoder(list[Plain]).decode


def read_long(raw: bytes, rules: Rules, now: int) -> Work[Packed | None]:
    """The batch in an array or an envelope, the same as of its values all at once. None for any other value."""
    if (count := _count(raw, 0x90, 0xDC)) is not None:
        packer = Packer(rules, now)
        yield from _add_array(raw, count, packer)
        return packer.finish()
    members = _members(raw)
    readings = bytes(members.get("readings", b""))
    if (count := _count(readings, 0x90, 0xDC)) is None:
        return None
    own_id = parse_parts(bytes(members["id"]), _LEVELS) if "id" in members else None
    with answered_under(own_id):
        packer = Packer(rules, now, check_own_id(own_id, None))
        yield from _add_array(readings, count, packer)
        return packer.finish()


def _members(raw: bytes) -> dict[str, msgspec.Raw]:
    """The members of an object that may be an envelope."""
    count = _count(raw, 0x80, 0xDE)
    if count is None or count > MAX_MEMBERS:
        return {}
    try:
        return decode_map(raw)
    except (ValueError, RecursionError):
        return {}


def _add_array(raw: bytes, count: int, packer: Packer) -> Work[None]:
    packer.make_room(count)
    for piece in _pieces(raw):
        yield
        if len(piece) <= MAX_SIZE and _add_plain(piece, packer):
            continue
        for part in decode_list(piece):
            if len(part) > MAX_SIZE:
                packer.add_fault("", TOO_LONG)
            else:
                packer.add_value(parse_parts(bytes(part), _LEVELS))
            yield


def _pieces(raw: bytes) -> list[bytes]:
    """The array as several. Its items, of which each takes far more memory while it is an object, are kept no longer
    than that takes."""
    try:
        parts = decode_list(raw)
    except RecursionError as exc:
        raise too_deep("MessagePack") from exc
    except ValueError as exc:
        raise not_msgpack(exc) from exc
    some = (parts[at : at + PIECE] for at in range(0, len(parts), PIECE))
    return [b"\xdc" + len(few).to_bytes(2) + b"".join(few) for few in some]  # an array of 16 bits' length


def _add_plain(piece: bytes, packer: Packer) -> bool:
    try:
        return packer.add_all(_decode_plain(piece))
    except (ValueError, RecursionError):
        return False


def _count(raw: bytes, short: int, long: int) -> int | None:
    """How many items or members the value says that it has, which is an array or a map by the first bytes of its short
    and its long forms: https://github.com/msgpack/msgpack/blob/master/spec.md. None where it is no such value."""
    first = raw[0] if raw else 0
    if first & 0xF0 == short:
        return first & 0x0F
    if first == long:
        return int.from_bytes(raw[1:3])
    return int.from_bytes(raw[1:5]) if first == long + 1 else None
