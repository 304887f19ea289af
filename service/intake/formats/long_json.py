"""Reads a long JSON text piece by piece, so that others have their turns, and its values are never in memory all at
once.

An array is cut where an object seems to end before a comma. If the piece isn't JSON, that place was within a string or
an object; then the items are read one by one for a while, with a parser that says where each ends. A single item, and
any other member of an envelope, has a limit in size.
"""

import codecs
import json
import re

import msgspec

from service.errors import BadRequest, TooLarge
from service.intake.batch import Packed
from service.intake.formats.decoding import not_utf8, parse_int, parse_json, too_deep
from service.intake.formats.envelopes import RefusedEnvelope, answered_under, check_own_id
from service.intake.packer import Packer
from service.intake.plain import Plain
from service.intake.reading import MAX_SIZE, TOO_LONG, Rules
from service.intake.turns import Work

PIECE = 16 * 1024
"""The smallest size of a piece of an array, in bytes."""

_decode_plain = msgspec.json.Decoder(list[Plain]).decode
_decode = msgspec.json.Decoder(list[object]).decode
_end_in = json.JSONDecoder(parse_int=parse_int, strict=False).raw_decode
_SPACE = re.compile(rb"[ \t\r\n]*")
_COLON = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")
_NEXT = re.compile(rb"[ \t\r\n]*([,\]}])[ \t\r\n]*")
_NEXT_ITEM = re.compile(r"[ \t\r\n]*([,\]])[ \t\r\n]*")
_LAST_ID = re.compile(rb'"id"[ \t\r\n]*:[ \t\r\n]*("[^"\\]*")[ \t\r\n]*\}[ \t\r\n]*\Z')
LOOKED_AT = 1000
"""How many bytes from the end of an envelope its id is looked for, where the readings before it are refused."""
LITERAL = 12
"""No fewer characters than true, false, null and an escape have, which the end of a window may cut."""


class _TooLong(BadRequest):
    """A value is longer than a reading may be."""


def read_long(
    text: bytes, rules: Rules, now: int, batch_id: str | None, *, partial: bool, piece: int = PIECE
) -> Work[Packed | None]:
    """The batch in an array or an envelope, the same as of its values all at once. None for any other text."""
    at = _skip_space(text, 0)
    if text.startswith(b"[", at):
        packer = Packer(rules, now, batch_id, partial=partial)
        end = yield from _add_array(text, at + 1, packer, piece)
        _check_end(text, end)
        return packer.finish()
    if text.startswith(b"{", at):
        return (yield from _Envelope(text, rules, now, batch_id, partial=partial).read(at + 1, piece))
    return None


class _Envelope:
    """An object that may be an envelope, read member by member. As in any JSON object, the last of several members with
    one name counts."""

    def __init__(self, text: bytes, rules: Rules, now: int, batch_id: str | None, *, partial: bool) -> None:
        self._text, self._rules, self._now, self._batch_id = text, rules, now, batch_id
        self._partial = partial
        self._id: object = None
        self._packer: Packer | None = None

    def read(self, at: int, piece: int) -> Work[Packed | None]:
        """The batch; None where this is no envelope. `at` is the place after the opening brace."""
        at = _skip_space(self._text, at)
        if self._text.startswith(b"}", at):
            return None
        more = True
        try:
            while more:
                at, more = yield from self._member(at, piece)
                yield
            _check_end(self._text, at)
        except _TooLong as exc:
            if self._packer is None:
                return None
            raise RefusedEnvelope(exc, self._id) from exc
        if self._packer is None:
            return None
        with answered_under(self._id):
            self._packer.name(check_own_id(self._id, self._batch_id))
            return self._packer.finish()

    def _member(self, at: int, piece: int) -> Work[tuple[int, bool]]:
        """Read a member. Returns where the next one begins, or where the object ends, and whether more follow."""
        name, at = _value(self._text, at)
        colon = _COLON.match(self._text, at)
        if colon is None or not isinstance(name, str):
            raise _broken("expected a name and a colon", at)
        at = colon.end()
        if name == "readings" and self._text.startswith(b"[", at):
            at = yield from self._readings(at + 1, piece)
        else:
            value, at = _value(self._text, at)
            if name == "id":
                self._id = value
            elif name == "readings":
                self._packer = None
        return _next(self._text, at, b"}")

    def _readings(self, at: int, piece: int) -> Work[int]:
        self._packer = Packer(self._rules, self._now, own_id=True, partial=self._partial)
        try:
            if self._id is not None:
                check_own_id(self._id, self._batch_id)
            return (yield from _add_array(self._text, at, self._packer, piece))
        except (BadRequest, TooLarge) as exc:
            raise RefusedEnvelope(exc, self._last_id() if self._id is None else self._id) from exc

    def _last_id(self) -> object:
        """The id, where it is the last member."""
        found = _LAST_ID.search(self._text, max(0, len(self._text) - LOOKED_AT))
        return parse_json(found[1]) if found else None


def _add_array(text: bytes, at: int, packer: Packer, piece: int) -> Work[int]:
    """Add the items of an array, of which the first begins at `at`, and return where the array ends."""
    at = _skip_space(text, at)
    if text.startswith(b"]", at):
        return at + 1
    while True:
        stop = text.find(b"},", at + piece, at + MAX_SIZE) + 1
        if stop and (yield from _add_piece(text[at:stop], packer)):
            at = stop + 1
        elif not stop and (end := _last_bracket(text, at)) > 0 and (yield from _add_piece(text[at:end], packer)):
            return end + 1
        else:
            at, more = yield from _add_items(text, at, packer, piece)
            if not more:
                return at
        yield


def _last_bracket(text: bytes, at: int) -> int:
    """Where the array seems to end, if the rest of the text isn't long; otherwise -1."""
    return text.rfind(b"]", at) if len(text) - at <= MAX_SIZE else -1


def _add_piece(text: bytes, packer: Packer) -> Work[bool]:
    """Add the items in a piece of an array, if it can be decoded."""
    piece = b"[%b]" % text
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
        yield
    return bool(values)


def _add_items(text: bytes, at: int, packer: Packer, piece: int) -> Work[tuple[int, bool]]:
    """Add items one by one, until they are a piece. Returns where the next one begins, or where the array ends, and
    whether more follow."""
    at = _skip_space(text, at)
    window, shown = _window(text, at, piece + MAX_SIZE)
    here, more = 0, True
    while more and here <= piece:
        try:
            end = _end_of(window, here, at, cut=shown < len(text))
        except _TooLong as exc:
            raise packer.give_up(TOO_LONG) from exc
        packer.add_value(parse_json(window[here:end]))
        found = _NEXT_ITEM.match(window, end)
        if found is None:
            raise _broken("expected a comma or the end of the array", at + _bytes(window, end))
        here, more = found.end(), found[1] == ","
        yield
    return at + _bytes(window, here), more


def _value(text: bytes, at: int) -> tuple[object, int]:
    """The value that begins at `at`, and where it ends."""
    window, shown = _window(text, at, MAX_SIZE + 1)
    end = _end_of(window, 0, at, cut=shown < len(text))
    return parse_json(window[:end]), at + _bytes(window, end)


def _window(text: bytes, at: int, size: int) -> tuple[str, int]:
    """A part of the text, and where it ends; it doesn't end within a character."""
    end = at + size
    try:
        shown, used = codecs.utf_8_decode(text[at:end], "strict", end >= len(text))
    except UnicodeDecodeError as exc:
        raise BadRequest(f"This isn't JSON: {not_utf8(exc, at)}.") from exc
    return shown, at + used


def _end_of(window: str, here: int, at: int, *, cut: bool) -> int:
    """Where the value that begins at `here` in the window ends. The window begins at `at` in the text; `cut` says that
    the text goes on after it."""
    try:
        _, end = _end_in(window, here)
    except RecursionError as exc:
        raise too_deep("JSON") from exc
    except json.JSONDecodeError as exc:
        if cut and (exc.msg.startswith("Unterminated") or exc.pos > len(window) - LITERAL):
            raise _TooLong(f"A value {TOO_LONG}.") from exc
        raise _broken(f"{exc.msg[:1].lower()}{exc.msg[1:]}", at + _bytes(window, exc.pos)) from exc
    if (cut and end == len(window)) or (end - here > MAX_SIZE // 4 and len(window[here:end].encode()) > MAX_SIZE):
        raise _TooLong(f"A value {TOO_LONG}.")
    return end


def _bytes(window: str, end: int) -> int:
    """How many bytes so many characters are."""
    return len(window[:end].encode())


def _next(text: bytes, at: int, closing: bytes) -> tuple[int, bool]:
    found = _NEXT.match(text, at)
    if found is None or found[1] not in (b",", closing):
        raise _broken("expected a comma or the end of the object", at)
    return found.end(), found[1] == b","


def _skip_space(text: bytes, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _check_end(text: bytes, at: int) -> None:
    if _skip_space(text, at) < len(text):
        raise _broken("trailing characters", at)


def _broken(why: str, at: int) -> BadRequest:
    return BadRequest(f"This isn't JSON: {why} (byte {at}).")
