"""Reads the time of a reading as producers write it: RFC 3339, PostgreSQL's output format, or a number. No I/O."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from service.errors import Refusal

NUMBERS_FROM = 1e8
"""A numeric `ts` with a smaller absolute value is refused. As seconds it would be before March 1973, and most likely it
isn't a time at all."""
MILLISECONDS_FROM = 1e11
"""A numeric `ts` from this value on is in milliseconds; as seconds it would be in the year 5138."""
NUMBERS_TO = 1e14
"""A numeric `ts` from this value on is refused. As milliseconds it would be in the year 5138, and most likely it is in
microseconds or nanoseconds."""
EARLIEST_NUMBER = round(NUMBERS_FROM * 1e6)
"""NUMBERS_FROM in microseconds since 1970, which is 3 March 1973."""
SECONDS_A_DAY = 24 * 3600
MINUTE = 60_000_000
"""Microseconds of a minute."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_Rfc3339 = Annotated[datetime, msgspec.Meta(tz=True)]
_POSTGRESQL = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?[+-]\d\d(?::[0-5]\d){0,2}", re.ASCII)
"""The output format of PostgreSQL, in which offsets have minutes and seconds only where these aren't zero."""
_LEAP_SECOND = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d):60((?:\.\d+)?(?:[Zz]|[+-]\d\d(?::\d\d)?))", re.ASCII)
"""A time in second 60, in the part before the second and the part after it: RFC 3339, 5.6 and appendix D."""
_DATED = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]|\Z)|\d{8}[Tt]\d{4}|\d{1,2}[./-]\d{1,2}[./-]\d{4}\b|"
    r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4}\b",
    re.ASCII,
)
"""The beginning of a date as people and programs write it, whether or not it would be accepted as `ts`."""
_NUMBER = re.compile(r"\d{9,19}(?:\.\d{1,9})?", re.ASCII)


def microseconds(moment: datetime) -> int:
    """A timezone-aware time as microseconds since 1970 UTC."""
    return (moment - EPOCH) // MICROSECOND


def moment_of(ts: int) -> datetime:
    """The time at so many microseconds since 1970. Raises OverflowError outside of Python's years 1 to 9999."""
    return EPOCH + timedelta(microseconds=ts)


def show(ts: int) -> str:
    """Microseconds since 1970 as text for messages, to the second."""
    return f"{moment_of(ts):%Y-%m-%dT%H:%M:%SZ}"


def of_number(number: float) -> int:
    """Epoch seconds or milliseconds, which the size tells apart, as microseconds. Raises Refusal where it can be
    neither."""
    size = abs(number)
    if MILLISECONDS_FROM <= size < NUMBERS_TO:
        return round(number * 1e3)
    if NUMBERS_FROM <= size < MILLISECONDS_FROM:
        return round(number * 1e6)
    if size < NUMBERS_FROM:
        raise Refusal(
            "ts",
            f"{number:.15g} is too small for epoch seconds or milliseconds (is it a spreadsheet's day?); "
            "write a time before 3 March 1973 as text, like 1970-01-31T14:05:00Z",
        )
    raise Refusal(
        "ts", "is out of range for epoch seconds or milliseconds (is it counted in microseconds or nanoseconds?)"
    )


def of_text(text: str) -> int:
    """A time with an offset as microseconds since 1970; a leap second, at the end of a day in UTC, is the second after
    it. Raises Refusal for any other text."""
    try:
        return microseconds(msgspec.convert(text, _Rfc3339))
    except ValueError as exc:  # also where the text can't be encoded, because of a lone surrogate
        if _POSTGRESQL.fullmatch(text):
            with suppress(ValueError):
                return microseconds(datetime.fromisoformat(text))
        if leap := _LEAP_SECOND.fullmatch(text):
            before = of_text(f"{leap[1]}:59{leap[2]}")
            if before // 10**6 % SECONDS_A_DAY == SECONDS_A_DAY - 1:
                return before + 10**6
        problem = "needs an offset" if "timezone" in str(exc) else "isn't an RFC 3339 time"
        raise Refusal("ts", f"{problem}; write it like 2026-01-31T14:05:00Z or 2026-01-31T15:05:00+01:00") from exc


def is_time(value: object) -> bool:
    """Whether the value is certainly meant as a time: it is a date, or a number as large as present epoch times in
    seconds, milliseconds, microseconds or nanoseconds."""
    match value:
        case bool():
            return False
        case int() | float():
            return NUMBERS_FROM <= value < 1e19
        case str():
            return _DATED.match(value) is not None or _NUMBER.fullmatch(value) is not None
        case _:
            return isinstance(value, datetime)
