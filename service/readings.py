"""The reading: what it holds, and the checks that name the field at fault. No I/O."""

import math
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from service.attributes import check_text, encode_attributes
from service.errors import BadReading, Fault, Refusal

MAX_NAME = 200
"""Characters of a series name, and of a batch id."""
MAX_VALUE = 1e290
"""Plan and fact are at most this in size: a sum of 10^18 of them is still finite."""
MILLISECONDS_FROM = 1e11
"""A numeric `ts` from here on is milliseconds: as seconds it would be the year 5138."""
DEFAULT_SERIES = "default"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_OWN_KEYS = frozenset(("ts", "series", "plan", "fact"))
_Rfc3339 = Annotated[datetime, msgspec.Meta(tz=True)]


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One row. `ts` is in microseconds since 1970 UTC, or None for the server's clock; `attributes` is JSON text."""

    ts: int | None
    series: str
    plan: float | None
    fact: float | None
    attributes: bytes | None


class Rules(msgspec.Struct, frozen=True):
    """What an installation allows: the earliest `ts`, how far one may be ahead of the clock, readings in a batch."""

    min_ts: datetime
    max_clock_skew: timedelta
    max_readings: int = 200_000

    def bounds(self, now: int) -> tuple[int, int]:
        """The earliest and the latest `ts` allowed at `now`, all three in microseconds since 1970."""
        return microseconds(self.min_ts), now + self.max_clock_skew // _MICROSECOND


def check_batch_id(value: object) -> str:
    """A batch id as text of 1 to 200 characters; BadReading otherwise."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_NAME or not _is_text(value):
        raise BadReading(f"A batch id is text of 1 to {MAX_NAME} characters.", [Fault(0, "id", "unusable batch id")])
    return value


def _is_text(value: str) -> bool:
    try:
        check_text("id", value)
    except Refusal:
        return False
    return True


def microseconds(moment: datetime) -> int:
    """An aware time as microseconds since 1970 UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def now_microseconds() -> int:
    """The server's clock, in microseconds since 1970 UTC."""
    return microseconds(datetime.now(UTC))


def epoch_microseconds(number: float) -> int:
    """Epoch seconds or milliseconds, whichever the size says, as microseconds; Refusal where it is neither."""
    if not abs(number) <= 1e16:
        raise Refusal("ts", "is out of range for epoch seconds or milliseconds")
    return round(number * 1e3) if abs(number) >= MILLISECONDS_FROM else round(number * 1e6)


def early_clock(now: int, earliest: int) -> Refusal:
    """What is wrong with a reading without `ts` where the server's clock itself breaks the rule."""
    return Refusal("ts", f"is missing, and the server's clock, {_show(now)}, is before MIN_TS, {_show(earliest)}")


def check_reading(item: object, earliest: int, latest: int) -> Reading:
    """A decoded value as a reading, with `ts` within the bounds; Refusal names the field at fault."""
    if not isinstance(item, dict):
        raise Refusal("", f"a reading is a JSON object, this is {_name(item)}")
    return Reading(
        _check_ts(item.get("ts"), earliest, latest),
        _check_series(item.get("series")),
        _check_value("plan", item.get("plan")),
        _check_value("fact", item.get("fact")),
        encode_attributes({key: value for key, value in item.items() if key not in _OWN_KEYS}),
    )


def _check_value(field: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal(field, f"must be a number, this is {_name(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise Refusal(field, "must be a finite number")
    if abs(number) > MAX_VALUE:
        raise Refusal(field, f"must be at most {MAX_VALUE:g} in size, so that sums stay finite")
    return number


def _check_series(value: object) -> str:
    if value is None:
        return DEFAULT_SERIES
    if not isinstance(value, str):
        raise Refusal("series", f"must be text, this is {_name(value)}")
    if not 1 <= len(value) <= MAX_NAME:
        raise Refusal("series", f"must have 1 to {MAX_NAME} characters, this has {len(value)}")
    check_text("series", value)
    return value


def _check_ts(value: object, earliest: int, latest: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, str):
        ts = _parse_rfc3339(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        ts = epoch_microseconds(value)
    elif isinstance(value, datetime) and value.tzinfo is not None:  # MessagePack has a type for it
        ts = microseconds(value)
    else:
        raise Refusal("ts", f"must be RFC 3339 text or a number, this is {_name(value)}")
    if ts < earliest:
        raise Refusal("ts", f"is before {_show(earliest)}")
    if ts > latest:
        raise Refusal("ts", f"is too far ahead of the server's clock; the latest allowed is {_show(latest)}")
    return ts


def _show(ts: int) -> str:
    return f"{_EPOCH + ts * _MICROSECOND:%Y-%m-%dT%H:%M:%SZ}"


def _parse_rfc3339(text: str) -> int:
    try:
        return microseconds(msgspec.convert(text, _Rfc3339))
    except msgspec.ValidationError as exc:
        problem = "needs an offset" if "timezone" in str(exc) else "is no RFC 3339 time"
        raise Refusal("ts", f"{problem}; write it like 2026-01-31T14:05:00Z or 2026-01-31T15:05:00+01:00") from exc


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
        case dict():
            return "an object"
        case _:
            return "of another type"
