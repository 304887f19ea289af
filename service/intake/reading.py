"""The reading and its checks, which name the field at fault. No I/O."""

import math
import time
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec

from service.errors import BadReading, Fault, Refusal
from service.intake.attributes import OWN_KEYS, check_text, encode_attributes, otherwise_cased
from service.intake.timestamps import is_time, microseconds, of_number, of_text, show

MAX_NAME = 200
"""The most characters of a series name, and of a batch id."""
MAX_SIZE = 64 * 1024
"""The most bytes of a reading as it is sent, in any format. Larger ones are refused before they are decoded."""
TOO_LONG = f"is longer than {MAX_SIZE:,} bytes, the most that a reading may have"
MAX_KEYS = 2000
"""The most keys of a reading in the formats that are read key by key: columns of CSV, tags or fields of a line. More
than the attributes that fit into a reading."""
MAX_VALUE = 1e290
"""The largest absolute value of plan and fact; the sum of 10^18 of them is still finite."""
DEFAULT_SERIES = "default"

_MICROSECOND = timedelta(microseconds=1)
_TIME_KEYS = otherwise_cased(("time", "timestamp")) | {"time", "timestamp"}


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One reading. `ts` is in microseconds since 1970 UTC, or None for the server's clock; `attributes` is JSON
    text."""

    ts: int | None
    series: str
    plan: float | None
    fact: float | None
    attributes: bytes | None


class Rules(msgspec.Struct, frozen=True):
    """The limits of an installation: the earliest `ts`, how far a `ts` may be ahead of the clock, and the readings of a
    batch."""

    min_ts: datetime
    max_clock_skew: timedelta
    max_readings: int = 200_000

    def bounds(self, now: int) -> tuple[int, int]:
        """The earliest and the latest `ts` that are allowed at `now`; all three are in microseconds since 1970."""
        return microseconds(self.min_ts), now + self.max_clock_skew // _MICROSECOND


def check_batch_id(value: object) -> str:
    """The batch id, which has to be text of 1 to 200 characters. Raises BadReading otherwise."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_NAME or not _is_text(value):
        raise BadReading(f"A batch id is text of 1 to {MAX_NAME} characters.", [Fault(0, "id", "unusable batch id")])
    return value


def _is_text(value: str) -> bool:
    try:
        check_text("id", value)
    except Refusal:
        return False
    return True


def now_microseconds() -> int:
    """The server's clock, in microseconds since 1970 UTC."""
    return time.time_ns() // 1000


def early_clock(now: int, earliest: int) -> Refusal:
    """The error for a reading without `ts` where the server's own clock is before the earliest time allowed."""
    return Refusal("ts", f"is missing, and the server's clock, {show(now)}, is before MIN_TS, {show(earliest)}")


def check_reading(item: object, earliest: int, latest: int) -> Reading:
    """The reading in a decoded value, with `ts` within the bounds. Raises Refusal, which names the field at fault."""
    if not isinstance(item, dict):
        raise Refusal.because("", "a JSON object", _name(item))
    ts = _check_ts(item.get("ts"), earliest, latest)
    series = _check_series(item.get("series"))
    plan, fact = _check_value("plan", item.get("plan")), _check_value("fact", item.get("fact"))
    attributes = {key: value for key, value in item.items() if key not in OWN_KEYS}
    if ts is None and not (plan is None and fact is None) and has_time_key(attributes):
        _check_undated(attributes)
    return Reading(ts, series, plan, fact, encode_attributes(attributes))


def has_time_key(attributes: Mapping[str, object]) -> bool:
    """Whether the name of an attribute suggests that it was meant as `ts`."""
    return not _TIME_KEYS.isdisjoint(attributes)


def _check_undated(attributes: Mapping[str, object]) -> None:
    """Raise Refusal for a plan or fact whose time seems to be in another field: it would be dated now, and be wrong in
    every chart."""
    for name, value in attributes.items():
        if name in _TIME_KEYS and is_time(value):
            raise Refusal(name, "did you mean ts? Without it, the reading would get the current time")


def _check_value(field: str, value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Refusal.because(field, "a number", _name(value))
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
        raise Refusal.because("series", "text", _name(value))
    if not 1 <= len(value) <= MAX_NAME:
        raise Refusal("series", f"must have 1 to {MAX_NAME} characters, not {len(value)}")
    check_text("series", value)
    return value


def _check_ts(value: object, earliest: int, latest: int) -> int | None:
    if value is None:
        return None
    if isinstance(value, str):
        ts = of_text(value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        ts = of_number(value)
    elif isinstance(value, datetime) and value.tzinfo is not None:  # MessagePack has a type for times
        ts = microseconds(value)
    else:
        raise Refusal.because("ts", "RFC 3339 text or a number", _name(value))
    if ts < earliest:
        raise Refusal("ts", f"is before {show(earliest)}")
    if ts > latest:
        raise Refusal("ts", f"is too far ahead of the server's clock; the latest allowed is {show(latest)}")
    return ts


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
            return "something of another type"
