"""Parses one line of line protocol into a reading that isn't checked yet. Errors say what is wrong, and where.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/ has the syntax; where it is vague, this follows
the decoder of https://github.com/influxdata/line-protocol.
"""

import re
from typing import NamedTuple

import msgspec

from service.errors import Refusal
from service.intake.reading import MAX_KEYS

UNREMARKABLE = "reading"
"""The measurement whose name isn't kept as an attribute beside a series tag."""

_OWN = {"plan": "a field", "fact": "a field", "series": "a tag", "ts": "the timestamp at the end of the line"}
# No group here is possessive or atomic, because Python before 3.11.5 lets such groups match too much. Repetitions are
# bounded, far above what a reading may have, because each of them takes memory during a match.
_BLANK = re.compile(rb"[ \n]*\n| *(?:#[^\n]*)?\r?(?:\n|\Z)")
_HEAD = re.compile(rb" *([^\x00-\x20\x7f]+(?:(?<=\\) [^\x00-\x20\x7f]*){0,9999})( +)?")
_COMMA = re.compile(rb"(?<!\\),")
_EQUALS = re.compile(rb"(?<!\\)=")
_FIELD = re.compile(
    rb"([^\x00-\x20\x7f,=]+(?:(?<=\\)[,= ][^\x00-\x20\x7f,=]*){0,9999})(?<!\\)="
    rb'(?:"([^"\\]*)"|([^\x00-\x20\x7f,="]+)|)'
)
_IN_STRING = re.compile(rb'[^"\\]*(?:\\.[^"\\]*){0,500}', re.DOTALL)
_END = re.compile(rb"(?: +(-?\d{1,40}))? *\r?(?:\n|\Z)")
_FLOAT = re.compile(rb"-?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_INTEGER = re.compile(rb"(-?\d{1,40})i|(\d{1,40})u")
_BOOLEANS = {name: name[:1] in b"tT" for name in b"t T true True TRUE f F false False FALSE".split()}
_SPECIAL = re.compile(rb"\\([,= ])")
_SPECIAL_IN_MEASUREMENT = re.compile(rb"\\([, ])")
_SPECIAL_IN_STRING = re.compile(rb'\\(["\\])')

_decode_float = msgspec.json.Decoder(float).decode


class Broken(Refusal):
    """The text isn't line protocol; `at` is the position of the error."""

    def __init__(self, detail: str, at: int, field: str = "") -> None:
        super().__init__(field, detail)
        self.at = at


class OpenString(Broken):
    """The text ends within a quoted string."""


class Head(NamedTuple):
    """The series and the attributes in a measurement and its tags."""

    series: str
    attributes: dict[str, object]


class Line(NamedTuple):
    """The reading without its time, the timestamp as it was written, and the position of the next line."""

    reading: dict[str, object]
    stamp: int | None
    end: int


def skip_blank(text: bytes, at: int) -> int:
    """The end of the blank lines, or of the comment, that begin here; 0 where there is none."""
    blank = _BLANK.match(text, at)
    return blank.end() if blank else 0


def read_line(text: bytes, at: int, heads: dict[bytes, Head]) -> Line:
    """The line that begins here, whose strings may contain newlines; `heads` caches the heads of earlier lines."""
    match = _HEAD.match(text, at)
    if match is None or not match[2]:
        raise Broken("missing fields", at if match is None else match.end())
    at = match.end()
    head = heads.get(match[1])
    if head is None:
        try:
            head = heads[match[1]] = read_head(match[1])
        except Refusal as exc:
            raise Broken(exc.detail, at, exc.field) from exc
    reading = {**head.attributes, "series": head.series}
    fields = 0
    while field := _FIELD.match(text, at):
        fields += 1
        if fields > MAX_KEYS:
            raise Broken(f"has more than {MAX_KEYS:,} fields", at)
        key, value, at = _read_field(field)
        if key in ("series", "ts"):
            raise Broken(Refusal.because(key, _OWN[key], "a field").detail, at, key)
        reading[key] = value
        if text[at : at + 1] != b",":
            break
        at += 1
    else:
        raise Broken("expected a field, like plan=40", at)
    end = _END.match(text, at)
    if end is None:
        raise Broken("unexpected text after a field", at)
    return Line(reading, int(end[1]) if end[1] else None, end.end())


def read_head(head: bytes) -> Head:
    """The series and the attributes in a measurement and its tags. Raises Refusal where one of them is at fault."""
    measurement, *rest = _COMMA.split(head)
    if len(rest) > MAX_KEYS:
        raise Refusal("", f"has more than {MAX_KEYS:,} tags")
    tags: dict[str, object] = {}
    for part in rest:
        tag = _EQUALS.split(part)
        if len(tag) != 2 or b"" in tag:
            raise Refusal("", f"{_text(part)!r} is no tag, like host=a")
        key = _text(_SPECIAL.sub(rb"\1", tag[0]))
        if key in tags:
            raise Refusal(key, "is given twice")
        if key in _OWN and key != "series":
            raise Refusal.because(key, _OWN[key], "a tag")
        tags[key] = _text(_SPECIAL.sub(rb"\1", tag[1]))
    name = _text(_SPECIAL_IN_MEASUREMENT.sub(rb"\1", measurement))
    if not name or name.startswith("#"):
        raise Refusal("", "missing measurement")
    series = tags.pop("series", None)
    if series is None:
        return Head(name, tags)
    if name != UNREMARKABLE:
        tags.setdefault("measurement", name)
    return Head(str(series), tags)


def _read_field(field: re.Match[bytes]) -> tuple[str, object, int]:
    """The key of a field, its value, and where it ends."""
    name, string, bare = field.groups()
    text, end = field.string, field.end()
    if bare is None and string is None and text[end : end + 1] == b'"':
        string, end = _escaped_string(text, end)
    try:
        key = _text(_SPECIAL.sub(rb"\1", name))
        if string is not None:
            return key, _text(_SPECIAL_IN_STRING.sub(rb"\1", string)), end
        if bare is not None:
            return key, _read_bare(key, bare), end
    except Refusal as exc:
        raise Broken(exc.detail, end, exc.field) from exc
    if text[end : end + 1] == b'"':
        raise OpenString("the closing quote is missing", end, key)
    raise Broken("missing field value", end, key)


def _escaped_string(text: bytes, at: int) -> tuple[bytes | None, int]:
    """The quoted string that begins here, as it was written, and its end; None where the closing quote is missing."""
    end = at + 1
    while (inside := _IN_STRING.match(text, end)) and inside.end() > end:
        end = inside.end()
    return (text[at + 1 : end], end + 1) if text[end : end + 1] == b'"' else (None, at)


def _read_bare(key: str, text: bytes) -> object:
    """A value without quotes: a number or a boolean."""
    if _FLOAT.fullmatch(text):
        try:
            return _decode_float(text)
        except msgspec.ValidationError as exc:
            raise Refusal(key, "must be a finite number") from exc
        except msgspec.DecodeError:  # numbers like `1.`, `.5` or `007`, which aren't JSON
            return float(text)
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if match := _INTEGER.fullmatch(text):
        number = int(match[1] or match[2])
        low, high = (-(2**63), 2**63) if match[1] else (0, 2**64)
        if low <= number < high:
            return number
        raise Refusal(key, "is out of range for an integer")
    raise Refusal(key, f"{_text(text)[:40]!r} isn't a number, boolean or quoted string")


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as exc:
        raise Refusal("", "isn't UTF-8") from exc
