"""Finds where JSON texts end in a stream without other framing, be there one per line or several in a row.

No byte is scanned twice, however small the pieces are in which the stream arrives, and the result doesn't depend on
where it was cut. A broken text is dropped as soon as it is certainly broken, and no part of it is used. Reading goes on
with the next line; a stream without newlines can't be read any further.
"""

import re
from collections.abc import Iterator

from service.errors import BadRequest, TooLarge
from service.intake.byte_order_mark import may_be_marked, unmarked

_SPACE = re.compile(rb"[ \t\r\n]*")
_FLAT = re.compile(rb'\{[^{}\[\]"]*(?:"[^"\\\n]*(?:\\[^\n][^"\\\n]*){0,100}"[^{}\[\]"]*){0,100}\}')
"""An object without nested objects and arrays and with not too many strings, as nearly all readings are. The bounds on
repetition limit the memory that a match takes. As in line_protocol_exact.py, no group is possessive."""
_MARK = re.compile(rb'["{}\[\]]')
_IN_STRING = re.compile(rb'[^"\\\n]*(?:\\[^\n][^"\\\n]*){0,500}')
_HTTP = re.compile(rb"[A-Z]+ \S+ HTTP/")
FIRST_LINE = 4096
"""In a stream that had no newline so far, the bytes after a broken text within which a newline must come."""
_CLOSER = {ord("{"): ord("}"), ord("["): ord("]")}


class Lost(BadRequest):
    """The stream can't be read any further."""


class Framer:
    """Cuts one stream into texts of at most `limit` bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._at = 0
        """How far the text at the beginning of the buffer has been scanned."""
        self._last = 0
        """The end of the last bracket or string of that text."""
        self._closers = bytearray()
        """The closing brackets that the text still needs, the innermost last."""
        self._in_string = self._in_rubbish = self._has_lines = False
        self._at_mark = True
        """Whether the stream may still begin with a byte order mark."""

    def feed(self, piece: bytes) -> Iterator[bytes | BadRequest]:
        """The texts that this piece completes, and an error for each broken text.

        Raises Lost where no further text can be found, and TooLarge where a text exceeds the limit.
        """
        self._buffer += piece
        if self._at_mark and not self._begin():
            return
        while self._buffer:
            if self._in_rubbish:
                if not self._skip_line():
                    return
            elif self._closers:
                found = self._go_on()
                if found is None:
                    self._check_size(len(self._buffer))
                    return
                yield found
            elif not self._skip_space():
                return
            elif flat := _FLAT.match(self._buffer):
                self._check_size(flat.end())
                yield self._cut(flat.end())
            elif self._buffer[0] in _CLOSER:
                self._closers.append(_CLOSER[self._buffer[0]])
                self._at = self._last = 1
            else:
                yield self._give_up("expected a JSON object or array", 0)

    @property
    def pending(self) -> int:
        """How many bytes wait for the rest of their text."""
        return len(self._buffer)

    def forget(self) -> None:
        """Let go of what has arrived, since nobody asks for it any more."""
        self._buffer = bytearray()

    def end(self) -> BadRequest | None:
        """The error where the stream has ended within a text, otherwise None."""
        return (
            BadRequest("The connection ended within a JSON text.")
            if self._closers or (self._at_mark and self._buffer)
            else None
        )

    def _begin(self) -> bool:
        """Skip a byte order mark; False while it may be incomplete."""
        if may_be_marked(self._buffer):
            return False
        self._at_mark = False
        try:
            self._buffer = bytearray(unmarked(bytes(self._buffer)))
        except BadRequest as exc:
            raise Lost(exc.detail) from exc
        return True

    def _skip_space(self) -> bool:
        space = _SPACE.match(self._buffer)
        if space and space.end():
            self._has_lines = self._has_lines or b"\n" in space[0]
            del self._buffer[: space.end()]
        return bool(self._buffer)

    def _skip_line(self) -> bool:
        """Drop the rest of a line; False while its end hasn't arrived."""
        patience = self._limit if self._has_lines else FIRST_LINE
        end = self._buffer.find(b"\n", self._at, patience) + 1
        if not end:
            if len(self._buffer) > patience:
                raise Lost("This isn't JSON, and no line ends in sight.")
            self._in_rubbish, self._at = True, len(self._buffer)
            return False
        if not self._has_lines and _HTTP.match(self._buffer):
            raise Lost("This is HTTP; it belongs to API_PORT.")
        self._in_rubbish, self._has_lines = False, True
        del self._buffer[:end]
        return True

    def _cut(self, end: int) -> bytes:
        text = bytes(self._buffer[:end])
        del self._buffer[:end]
        return text

    def _check_size(self, size: int) -> None:
        if size > self._limit:
            raise TooLarge(f"A JSON text is larger than {self._limit:,} bytes.")

    def _go_on(self) -> bytes | BadRequest | None:
        """Scan the text further. Returns the text once it is complete, an error if it is broken, otherwise None."""
        while True:
            if self._in_string and ((refusal := self._to_quote()) or self._in_string):
                return refusal
            mark = _MARK.search(self._buffer, self._at)
            if mark is None:
                self._at = len(self._buffer)
                return None
            char, at, self._at = mark[0], mark.start(), mark.end()
            if char == b'"':
                self._in_string = True
            elif char in b"{[":
                if not self._may_open(at):
                    return self._give_up("a bracket isn't closed", at)
                self._closers.append(_CLOSER[char[0]])
            elif self._closers.pop() != char[0]:
                return self._give_up("brackets don't match", at)
            elif not self._closers:
                return self._cut(self._at)
            self._last = self._at

    def _to_quote(self) -> BadRequest | None:
        """Scan to the end of a string, if that has arrived."""
        at = self._at
        while (inside := _IN_STRING.match(self._buffer, at)) and inside.end() > at:
            at = inside.end()
        self._at = at
        # the character that the backslash escapes hasn't arrived
        if at + self._buffer.startswith(b"\\", at) == len(self._buffer):
            return None
        if self._buffer[at] != ord('"'):
            return self._give_up("a string isn't closed at the end of its line", at)
        self._in_string = False
        self._at = self._last = at + 1
        return None

    def _may_open(self, at: int) -> bool:
        """Whether a bracket may open here, which is after a colon, a comma, or the opening bracket of an array."""
        before = self._buffer[self._last : at].strip()
        return before.endswith((b":", b",")) or (not before and self._buffer[self._last - 1 : self._last] == b"[")

    def _give_up(self, why: str, at: int) -> BadRequest:
        """Drop a text that is broken at `at`, and go on with the line that begins there, or with the next one."""
        self._closers.clear()
        self._in_string = False
        begin = self._buffer.rfind(b"\n", 0, at) + 1
        if begin and self._buffer[at] in _CLOSER and not self._buffer[begin:at].strip():
            self._has_lines = True
            del self._buffer[:begin]
        else:
            self._in_rubbish, self._at = True, at
        return BadRequest(f"This isn't JSON: {why}.")
