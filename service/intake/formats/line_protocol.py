"""Reads InfluxDB line protocol as it arrives, and adds its readings to a packer.

The fields `plan`, `fact` and `for` are those of the reading; `for` may also be a tag. The tag `series` names the
series; without it the measurement does. All other tags and fields are attributes. Beside a series tag the measurement
is an attribute as well, unless it is `reading`. As the format has it, strings may contain newlines, the last of several
fields with one name counts, and a field takes precedence over a tag with its name.
"""

from service.errors import BadRequest, Refusal
from service.intake.attributes import encode_attributes
from service.intake.batch import Packed
from service.intake.formats.line_protocol_exact import Broken, Head, Line, OpenString, read_head, read_line, skip_blank
from service.intake.formats.line_protocol_fast import decode_plain, head_of
from service.intake.packer import Packer
from service.intake.plain import Known
from service.intake.reading import MAX_SIZE, TOO_LONG, has_time_key
from service.intake.timestamps import EARLIEST_NUMBER, moment_of, show
from service.intake.turns import Work

NANOSECONDS = {
    "ns": 1,
    "n": 1,
    "us": 10**3,
    "u": 10**3,
    "µ": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "m": 60 * 10**9,
    "h": 3600 * 10**9,
}
"""The unit of a timestamp in nanoseconds, by the name of its precision."""
LIKELY = ((5 * 10**9, 10**9), (5 * 10**12, 10**6), (5 * 10**15, 10**3))
"""The unit of a timestamp that comes without a precision: numbers up to 5e9 are seconds, and so on. InfluxDB 3 does the
same, which works until June 2128."""
BLOCK = 32 * 1024
"""The fewest bytes that are parsed at once; less is kept until more arrives."""
SHOWN = 160
"""The most bytes of a bad line that an error quotes."""

_NAMES = {unit: name for name, unit in reversed(NANOSECONDS.items())}


class BadLine(BadRequest):
    """A line is refused; it is the first of `dropped` bad lines."""

    reason = "invalid"

    def __init__(self, line: int, text: bytes, refusal: Refusal, dropped: int, *, partial: bool) -> None:
        shown = text[:SHOWN].decode(errors="replace") + ("…" if len(text) > SHOWN else "")
        why = f"{refusal.field}: {refusal.detail}" if refusal.field else refusal.detail
        start, end = ("partial write: ", f" dropped={dropped}") if partial else ("", "")
        super().__init__(f"{start}line {line}: unable to parse '{shown}': {why}{end}")
        self.line, self.dropped = line, dropped
        self.text, self.why, self.partial = shown, why, partial


class LineReader:
    """Adds the lines of a text that arrives in pieces to a packer. `unit` is the unit of timestamps in nanoseconds;
    None means that the size of each timestamp tells its unit.

    If the packer's batch may be partial, bad lines are left out; otherwise reading ends with the first of them. At
    least `block` bytes are parsed at once. Without `fast` each line is left to the exact parser, with the same result.
    """

    def __init__(self, packer: Packer, unit: int | None, *, block: int = BLOCK, fast: bool = True) -> None:
        self._packer, self._unit, self._partial = packer, unit, packer.partial
        self._block, self._fast = block, fast
        self._pending = bytearray()
        self._enough = block
        self._skipping = False
        """Whether the rest of a line is left out that is too long."""
        self._line = 0
        self._heads: dict[bytes, Head] = {}
        self._plain_heads: dict[str, bytes | None] = {}
        self._names: dict[str, Known] = {}
        self._dropped = 0
        self._first: tuple[int, bytes, Refusal] | None = None

    def feed(self, piece: bytes) -> Work[None]:
        """Read the next piece, which may begin and end anywhere."""
        if self._lost:
            return
        if self._skipping:
            piece = self._skip(piece)
        self._pending += piece
        if len(self._pending) < self._enough:
            return
        yield from self._consume(final=False)
        while len(self._pending) > MAX_SIZE and not self._lost:
            self._leave_out_line()
            yield from self._consume(final=False)
        # A string without an end is scanned again only when twice as much of it has arrived.
        self._enough = 2 * len(self._pending) + self._block

    def finish(self) -> Work[tuple[Packed, BadLine | None]]:
        """The batch, and an error about the lines that were left out, if any. Raises BadLine instead where none may be
        left out, or no good line remains."""
        if not self._lost:
            yield from self._consume(final=True)
        if self._first is None:
            return self._packer.finish(), None
        bad = BadLine(*self._first, self._dropped, partial=self._partial)
        if self._lost:
            raise bad
        try:
            return self._packer.finish(), bad
        except BadRequest as exc:
            raise bad from exc

    @property
    def _lost(self) -> bool:
        return self._first is not None and not self._partial

    def _skip(self, piece: bytes) -> bytes:
        """What follows the line that is left out."""
        end = piece.find(b"\n") + 1
        if not end:
            return b""
        self._skipping = False
        self._line += 1
        return piece[end:]

    def _leave_out_line(self) -> None:
        """Leave out a line that is too long, as far as it has arrived."""
        end = self._pending.find(b"\n") + 1
        self._packer.add_fault("", TOO_LONG)
        self._note(bytes(self._pending[: end or None]), Refusal("", TOO_LONG))
        self._skipping = not end
        self._line += end > 0
        del self._pending[: end or None]

    def _consume(self, *, final: bool) -> Work[None]:
        text = bytes(self._pending if final else self._pending[: self._pending.rfind(b"\n") + 1])
        taken = len(text)
        if not self._add_plain(text):
            taken = yield from self._add_lines(text, final=final)
        del self._pending[:taken]

    def _add_plain(self, text: bytes) -> bool:
        """Add the lines if each of them has both values and nothing unusual. Otherwise return False without adding
        any."""
        lines = decode_plain(text) if self._fast else None
        if lines is None or self._unit is None:
            return False
        heads = self._plain_heads
        unknown = {line.series for line in lines} - heads.keys()
        try:
            with self._packer.all_or_none():
                for head in unknown:
                    self._learn(head)
                if any(heads.values()):
                    for line in lines:
                        line.attributes = heads[line.series]
                self._packer.add(lines, self._unit, self._names)
        except Refusal:
            for head in unknown:
                self._names.pop(head, None)
                heads.pop(head, None)
            return False
        self._line += len(lines)
        return True

    def _learn(self, text: str) -> None:
        """Remember the series and the attributes in the head of a line."""
        head = read_head(head_of(text))
        self._names[text] = self._packer.known(head.series)
        if has_time_key(head.attributes) or "for" in head.attributes:
            raise Refusal("", "takes a closer look")
        self._plain_heads[text] = encode_attributes(head.attributes)

    def _add_lines(self, text: bytes, *, final: bool) -> Work[int]:
        """Add the lines one by one, and return how many bytes were read: all except a last line that may be
        incomplete."""
        at = 0
        while at < len(text) and not self._lost:
            end = skip_blank(text, at)
            if not end:
                try:
                    line = self._read_line(text, at)
                    refusal, end = self._add(line), line.end
                except Broken as exc:
                    if isinstance(exc, OpenString) and not final:
                        break
                    refusal, end = exc, text.find(b"\n", exc.at) + 1 or len(text)
                    self._packer.add_fault(exc.field, exc.detail)
                if refusal is not None:
                    self._note(text[at:end], refusal)
            self._line += text.count(b"\n", at, end)
            at = end
            yield
        return at

    def _read_line(self, text: bytes, at: int) -> Line:
        """The line that begins here. Raises Broken where it isn't one, or is too long."""
        if text.find(b"\n", at, at + MAX_SIZE + 1) < 0 and len(text) - at > MAX_SIZE:
            raise Broken(TOO_LONG, at)
        line = read_line(text, at, self._heads)
        if line.end - at > MAX_SIZE + 1:
            raise Broken(TOO_LONG, at)
        return line

    def _add(self, line: Line) -> Refusal | None:
        if line.stamp is None:
            return self._packer.add_value(line.reading)
        unit = self._unit or next((unit for end, unit in LIKELY if abs(line.stamp) < end), 1)
        ts = line.stamp * unit // 1000
        if abs(ts) < EARLIEST_NUMBER:
            counting = f"{line.stamp} counted in {_NAMES[unit]} is {show(ts)}, before 3 March 1973"
            raise Broken(f"{counting}; is it counted in another precision?", line.end - 1, "ts")
        try:
            moment = moment_of(ts)
        except OverflowError as exc:
            counting = f"{line.stamp} counted in {_NAMES[unit]} is out of range"
            raise Broken(f"{counting}; is it counted in another precision?", line.end - 1, "ts") from exc
        return self._packer.add_value({**line.reading, "ts": moment})

    def _note(self, text: bytes, refusal: Refusal) -> None:
        self._dropped += 1
        self._first = self._first or (self._line + 1, text.strip(), refusal)
