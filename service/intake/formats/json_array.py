"""Reads a large JSON array piece by piece, so that other tasks get their turns and its values are never in memory all
at once.

A piece ends where an object seems to end before a comma. If the piece isn't JSON, that place was within a string or an
object, and a larger piece is tried. If no piece is JSON, the whole text is read at once by frames.py, which can tell
what is wrong with it.
"""

import msgspec

from service.intake.batch import Packed
from service.intake.formats.frames import read_json
from service.intake.packer import Packer, Plain
from service.intake.reading import Rules

PIECE = 64 * 1024
"""The smallest size of a piece, in bytes."""

_decode_plain = msgspec.json.Decoder(list[Plain]).decode
_decode = msgspec.json.Decoder(list[object]).decode


def read_large(
    raw: bytes, rules: Rules, now: int, batch_id: str | None, *, partial: bool, least: int = PIECE
) -> Packed:
    """Read an array with the same result as read_json(), which is the same batch or the same error. `least` is
    the smallest size of a piece, in bytes."""
    packer = Packer(rules, now, batch_id)
    if _add_pieces(raw, packer, least):
        return packer.finish(partial=partial)
    return read_json(raw, rules, now, batch_id, partial=partial)


def _add_pieces(raw: bytes, packer: Packer, least: int) -> bool:
    text = raw.strip(b" \t\r\n")
    if not (text.startswith(b"[") and text.endswith(b"]")):
        return False
    at, end, size = 1, len(text) - 1, least
    while at < end:
        stop = text.find(b"},", at + size, end) + 1 or end
        if _add(b"[%b]" % text[at:stop], packer):
            at, size = stop + 1, least
        elif stop == end:
            return False
        else:
            size = 2 * (stop - at)
    return at > end  # otherwise nothing follows the last comma


def _add(piece: bytes, packer: Packer) -> bool:
    try:
        items = _decode_plain(piece)
    except (ValueError, RecursionError):  # msgspec's errors are ValueErrors
        items = []
    if items and packer.add_all(items):
        return True
    try:
        values = _decode(piece)
    except (ValueError, RecursionError):
        return False
    for value in values:
        packer.add_value(value)
    return bool(values)
