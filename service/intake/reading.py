"""The reading and its checks, which name the field at fault. No I/O."""

import math
import time
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import msgspec

from service.errors import BadReading, Fault, Refusal
from service.intake.attributes import OWN_KEYS, check_note, check_text, encode_attributes, otherwise_cased
from service.intake.spans import Breaks, minutes_of, no_breaks
from service.intake.timestamps import MINUTE, is_time, microseconds, of_number, of_text, show
from service.intake.within import Within

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
NOT_KEPT = "from when on readings are kept (RETENTION_READINGS); of what is older, nothing can be changed"
"""What is wrong with readings of a time of which only the rollups are kept."""

_MICROSECOND = timedelta(microseconds=1)
_TIME_KEYS = otherwise_cased(("time", "timestamp")) | {"time", "timestamp"}


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One reading. `ts` is in microseconds since 1970 UTC, or None for the server's clock; `attributes` is JSON text;
    `minutes` is how long it lasts, if it stands for a span of time."""

    ts: int | None
    series: str
    plan: float | None
    fact: float | None
    attributes: bytes | None
    minutes: int | None = None


def kept_for_ever() -> int | None:
    """Readings of any time are kept."""
    return None


class Rules(msgspec.Struct, frozen=True):
    """The limits of an installation: the earliest `ts`, how far a `ts` may be ahead of the clock with a fact, the
    readings of a batch, how far a `ts` may be ahead without a fact; which minutes are left out where a reading stands
    for a span of time; to what the readings of a correction have to keep; and what returns from when on readings are
    kept, in microseconds since 1970."""

    min_ts: datetime
    max_clock_skew: timedelta
    max_readings: int = 200_000
    max_plan_ahead: timedelta = timedelta(days=400)
    breaks: Breaks = no_breaks
    within: Within | None = None
    kept_since: Callable[[], int | None] = kept_for_ever

    def bounds(self, now: int) -> tuple[int, int]:
        """The earliest and the latest `ts` that are allowed at `now` with a fact; all three are in microseconds since
        1970."""
        earliest, since = microseconds(self.min_ts), self.kept_since()
        return earliest if since is None else max(earliest, since), now + self.max_clock_skew // _MICROSECOND

    def latest_plan(self, now: int) -> int:
        """The latest `ts` that is allowed without a fact, which is never earlier than that with one."""
        return now + max(self.max_plan_ahead, self.max_clock_skew) // _MICROSECOND


class Bounds(msgspec.Struct, frozen=True):
    """The times that are allowed at `now`: the earliest, and the latest with a fact. All are in microseconds since
    1970."""

    rules: Rules
    now: int
    earliest: int
    latest: int

    def check_earliest(self, ts: int) -> None:
        """Raise Refusal where a time is too early, or so early that readings of it aren't kept any more."""
        if ts >= self.earliest:
            return
        if ts < microseconds(self.rules.min_ts):
            raise Refusal("ts", f"is before {show(microseconds(self.rules.min_ts))}")
        raise Refusal("ts", f"is before {show(self.earliest)}, {NOT_KEPT}")

    def check_latest(self, field: str, what: str, ts: int, *, has_fact: bool) -> None:
        """Raise Refusal, with the field at fault, where a time is too late."""
        if ts <= self.latest:
            return
        if has_fact:
            allowed = f"with a fact is {show(self.latest)} (MAX_CLOCK_SKEW)"
        elif ts > (latest := self.rules.latest_plan(self.now)):
            allowed = f"without a fact is {show(latest)} (MAX_PLAN_AHEAD)"
        else:
            return
        raise Refusal(field, f"{what} too far ahead of the server's clock; the latest allowed {allowed}")


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


def check_reading(item: object, bounds: Bounds) -> Reading:
    """The reading in a decoded value, with its times within the bounds. Raises Refusal, which names the field at
    fault."""
    if not isinstance(item, dict):
        raise Refusal.because("", "a JSON object", _name(item))
    ts = _check_ts(item.get("ts"), bounds, has_fact=item.get("fact") is not None)
    series = _check_series(item.get("series"))
    plan, fact = _check_value("plan", item.get("plan")), _check_value("fact", item.get("fact"))
    minutes = None
    if item.get("for") is not None:
        minutes = _check_span(item["for"], bounds.now if ts is None else ts, plan, fact, bounds)
    attributes = {key: value for key, value in item.items() if key not in OWN_KEYS}
    empty = plan is None and fact is None
    if ts is None and not empty and has_time_key(attributes):
        _check_undated(attributes)
    encoded = encode_attributes(attributes)
    if empty:
        check_note(attributes.get("note"))
    if (within := bounds.rules.within) is not None:
        series = within.series_of(None if item.get("series") is None else series)
        within.check_time(ts, minutes)
        within.check_fields(plan, fact, encoded)
    return Reading(ts, series, plan, fact, encoded, minutes)


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


def _check_span(value: object, ts: int, plan: float | None, fact: float | None, bounds: Bounds) -> int:
    """The minutes of a reading that stands for a span of time."""
    minutes = minutes_of(value)
    if plan is None and fact is None:
        raise Refusal("for", "there is nothing to spread: the reading has neither plan nor fact")
    bounds.check_latest("for", "its last minute is", ts + (minutes - 1) * MINUTE, has_fact=fact is not None)
    return minutes


def _check_ts(value: object, bounds: Bounds, *, has_fact: bool) -> int | None:
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
    bounds.check_earliest(ts)
    bounds.check_latest("ts", "is", ts, has_fact=has_fact)
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
