"""The reading: decode and check what producers send. No I/O."""

import json
import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeGuard

import msgspec

from service.errors import BadReading, BadRequest, Fault

MAX_NAME = 200
"""Characters of a series name, and of a batch id."""
MAX_ATTRIBUTES = 8 * 1024
"""Bytes of a reading's attributes as JSON."""
MAX_VALUE = 1e290
"""Plan and fact are at most this in size: a sum of 10^18 of them is still finite."""
MILLISECONDS_FROM = 1e11
"""A numeric `ts` from here on is milliseconds: as seconds it would be the year 5138."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_OWN_KEYS = frozenset(("ts", "series", "plan", "fact"))
_Rfc3339 = Annotated[datetime, msgspec.Meta(tz=True)]
_decode_json = msgspec.json.Decoder().decode
_decode_msgpack = msgspec.msgpack.Decoder().decode
_encode_attributes = msgspec.json.Encoder(order="sorted").encode


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One row. `ts` is in microseconds since 1970 UTC, or None for the server's clock; `attributes` is JSON text."""

    ts: int | None
    series: str
    plan: float | None
    fact: float | None
    attributes: bytes | None


class Batch(msgspec.Struct, frozen=True, gc=False):
    """Readings that are committed together or not at all; `id` makes a resend harmless."""

    id: str | None
    readings: list[Reading]


class Rules(msgspec.Struct, frozen=True):
    """What an installation allows: the earliest `ts`, and how far one may be ahead of the clock."""

    min_ts: datetime
    max_clock_skew: timedelta

    def bounds(self) -> tuple[int, int]:
        """The earliest and the latest `ts` allowed now, in microseconds since 1970."""
        return microseconds(self.min_ts), microseconds(datetime.now(UTC) + self.max_clock_skew)


class _Refusal(Exception):
    """One field of one reading is at fault."""

    def __init__(self, field: str, detail: str) -> None:
        super().__init__(field, detail)
        self.field, self.detail = field, detail


def microseconds(moment: datetime) -> int:
    """An aware time as microseconds since 1970 UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def now_microseconds() -> int:
    """The server's clock, in microseconds since 1970 UTC."""
    return microseconds(datetime.now(UTC))


def parse_json(raw: bytes | str) -> object:
    """A JSON text as Python values; BadRequest where it is none.

    NaN, Infinity and numbers like 1e999 are let through, so that the checks can name the field that holds them.
    """
    try:
        return _decode_json(raw)
    except RecursionError as exc:
        raise BadRequest("The JSON is nested too deeply.") from exc
    except (msgspec.DecodeError, UnicodeError, ValueError) as exc:
        lenient = _parse_lenient(raw)
        if lenient is not None:
            return lenient
        raise BadRequest(f"This is no JSON: {str(exc).removeprefix('JSON is malformed: ')}.") from exc


def parse_msgpack(raw: bytes) -> object:
    """MessagePack as Python values; BadRequest where it is none."""
    try:
        return _decode_msgpack(raw)
    except RecursionError as exc:
        raise BadRequest("The MessagePack is nested too deeply.") from exc
    except (msgspec.DecodeError, UnicodeError, ValueError, TypeError) as exc:
        raise BadRequest(f"This is no MessagePack: {exc}.") from exc


def make_batch(value: object, rules: Rules, batch_id: str | None = None) -> Batch:
    """The batch in a decoded text: a reading, an array of readings, or an envelope with an id of its own.

    `batch_id` is an id given beside the text. BadReading names every reading and field that breaks a rule.
    """
    if is_envelope(value):
        own_id = check_batch_id(value.get("id"))
        if batch_id not in (None, own_id):
            raise BadReading(f"The envelope's id {own_id!r} isn't the id given with the request.")
        return Batch(own_id, check_readings(value["readings"], rules))
    items = value if isinstance(value, list) else [value]
    return Batch(batch_id, check_readings(items, rules))


def is_envelope(value: object) -> TypeGuard[dict[str, Any]]:
    """An object whose `readings` is an array; any other object is a reading."""
    return isinstance(value, dict) and isinstance(value.get("readings"), list)


def check_batch_id(value: object) -> str:
    """A batch id as text of 1 to 200 characters; BadReading otherwise."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_NAME or "\0" in value:
        raise BadReading(f"A batch id is text of 1 to {MAX_NAME} characters.", [Fault(0, "id", "unusable batch id")])
    return value


def check_readings(items: Iterable[object], rules: Rules) -> list[Reading]:
    """Decoded JSON values as readings; BadReading names every item and field at fault."""
    earliest, latest = rules.bounds()
    readings: list[Reading] = []
    faults: list[Fault] = []
    for index, item in enumerate(items):
        try:
            readings.append(_check(item, earliest, latest))
        except _Refusal as refusal:
            faults.append(Fault(index, refusal.field, refusal.detail))
    if faults:
        first = faults[0]
        where = f"{first.field}: " if first.field else ""
        raise BadReading(f"{_count(len(faults))} refused; item {first.index}: {where}{first.detail}.", faults)
    return readings


def _count(faults: int) -> str:
    return "1 reading was" if faults == 1 else f"{faults} readings were"


def _parse_lenient(raw: bytes | str) -> object:
    """A second look at text that isn't JSON only for its NaN, Infinity or 1e999: the checks then name the field."""
    try:
        value = json.loads(raw)
        msgspec.json.encode(value)  # half a surrogate pair passes json.loads
    except (ValueError, RecursionError):
        return None
    return value


def _check(item: object, earliest: int, latest: int) -> Reading:
    if not isinstance(item, dict):
        raise _Refusal("", f"a reading is a JSON object, this is {_name(item)}")
    return Reading(
        _check_ts(item.get("ts"), earliest, latest),
        _check_series(item.get("series")),
        _check_value("plan", item.get("plan")),
        _check_value("fact", item.get("fact")),
        _check_attributes(item),
    )


def _check_value(field: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Refusal(field, f"must be a number, this is {_name(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise _Refusal(field, "must be a finite number")
    if abs(number) > MAX_VALUE:
        raise _Refusal(field, f"must be at most {MAX_VALUE:g} in size, so that sums stay finite")
    return number


def _check_series(value: object) -> str:
    if value is None:
        return "default"
    if not isinstance(value, str):
        raise _Refusal("series", f"must be text, this is {_name(value)}")
    if not 1 <= len(value) <= MAX_NAME:
        raise _Refusal("series", f"must have 1 to {MAX_NAME} characters, this has {len(value)}")
    _check_text("series", value)
    return value


def _check_ts(value: object, earliest: int, latest: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, str):
        ts = _parse_rfc3339(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        ts = _parse_epoch(value)
    else:
        raise _Refusal("ts", f"must be RFC 3339 text or a number, this is {_name(value)}")
    if ts < earliest:
        raise _Refusal("ts", f"is before {_show(earliest)}")
    if ts > latest:
        raise _Refusal("ts", f"is too far ahead of the server's clock; the latest allowed is {_show(latest)}")
    return ts


def _show(ts: int) -> str:
    return f"{_EPOCH + ts * _MICROSECOND:%Y-%m-%dT%H:%M:%SZ}"


def _parse_rfc3339(text: str) -> int:
    try:
        return microseconds(msgspec.convert(text, _Rfc3339))
    except msgspec.ValidationError as exc:
        problem = "needs an offset" if "timezone" in str(exc) else "is no RFC 3339 time"
        raise _Refusal("ts", f"{problem}; write it like 2026-01-31T14:05:00Z or 2026-01-31T15:05:00+01:00") from exc


def _parse_epoch(number: float) -> int:
    if not math.isfinite(number) or abs(number) > 1e16:
        raise _Refusal("ts", "is out of range for epoch seconds or milliseconds")
    return round(number * 1e3) if abs(number) >= MILLISECONDS_FROM else round(number * 1e6)


def _check_attributes(item: dict[str, object]) -> bytes | None:
    rest = {key: value for key, value in item.items() if key not in _OWN_KEYS}
    if not rest:
        return None
    encoded = _encode_attributes(rest)
    if len(encoded) > MAX_ATTRIBUTES:
        raise _Refusal("attributes", f"{len(encoded)} bytes of JSON, at most {MAX_ATTRIBUTES} are kept")
    # NUL is always written as \u0000; the same six characters also stand for an escaped backslash before u0000.
    if b"\\u0000" in encoded:
        _check_texts(rest)
    if b"null" in encoded:
        _check_numbers(rest)
    return encoded


def _check_texts(value: object, key: str = "attributes") -> None:
    match value:
        case str():
            _check_text(key, value)
        case dict():
            for name, inner in value.items():
                _check_text("attributes", name)
                _check_texts(inner, name)
        case list():
            for inner in value:
                _check_texts(inner, key)
        case _:
            pass


def _check_text(field: str, text: str) -> None:
    if "\0" in text:
        raise _Refusal(field.replace("\0", "\\0"), "holds a NUL character, which can't be stored")


def _check_numbers(value: object, key: str = "attributes") -> None:
    """NaN and infinities, which only a lenient parse lets in, would silently become null."""
    match value:
        case float() if not math.isfinite(value):
            raise _Refusal(key, "must be a finite number")
        case dict():
            for name, inner in value.items():
                _check_numbers(inner, name)
        case list():
            for inner in value:
                _check_numbers(inner, key)
        case _:
            pass


def _name(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "text"
        case list():
            return "an array"
        case _:
            return "an object"
