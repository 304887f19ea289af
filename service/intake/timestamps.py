"""The time of a reading as producers write it: RFC 3339, PostgreSQL's own text, or a number. No I/O."""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from service.errors import Refusal

NUMBERS_FROM = 1e8
"""A numeric `ts` below this in size is refused: more often than seconds of before March 1973 it is something else."""
MILLISECONDS_FROM = 1e11
"""A numeric `ts` from here on is milliseconds: as seconds it would be the year 5138."""
NUMBERS_TO = 1e16
EARLIEST_NUMBER = round(NUMBERS_FROM * 1e6)
"""Microseconds since 1970, to 3 March 1973: no number stands for a time that is nearer to 1970."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_Rfc3339 = Annotated[datetime, msgspec.Meta(tz=True)]
_POSTGRESQL = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:\.\d{1,6})?[+-]\d\d(?::[0-5]\d){0,2}", re.ASCII)
"""Its offsets have minutes and seconds only where these aren't zero."""
_DATED = re.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]|\Z)|\d{8}[Tt]\d{4}|\d{1,2}[./-]\d{1,2}[./-]\d{4}\b|"
    r"(?:[A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4}\b",
    re.ASCII,
)
"""How dates begin as people and programs write them, whether they are taken as a `ts` or not."""
_NUMBER = re.compile(r"\d{9,19}(?:\.\d{1,9})?", re.ASCII)


def microseconds(moment: datetime) -> int:
    """An aware time as microseconds since 1970 UTC."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(ts: int) -> datetime:
    """Microseconds since 1970 as a time; OverflowError beyond the years that there are."""
    return _EPOCH + timedelta(microseconds=ts)


def show(ts: int) -> str:
    """Microseconds since 1970 as a message has them, to the second."""
    return f"{moment_of(ts):%Y-%m-%dT%H:%M:%SZ}"


def of_number(number: float) -> int:
    """Epoch seconds or milliseconds, whichever the size says, as microseconds; Refusal where it is neither."""
    size = abs(number)
    if MILLISECONDS_FROM <= size <= NUMBERS_TO:
        return round(number * 1e3)
    if NUMBERS_FROM <= size < MILLISECONDS_FROM:
        return round(number * 1e6)
    if size < NUMBERS_FROM:
        raise Refusal(
            "ts",
            f"{number:.15g} is too small for epoch seconds or milliseconds (is it a spreadsheet's day?); "
            "write a time before 3 March 1973 as text, like 1970-01-31T14:05:00Z",
        )
    raise Refusal("ts", "is out of range for epoch seconds or milliseconds")


def of_text(text: str) -> int:
    """A time with an offset as microseconds; Refusal where it is none."""
    try:
        return microseconds(msgspec.convert(text, _Rfc3339))
    except msgspec.ValidationError as exc:
        if _POSTGRESQL.fullmatch(text):
            with suppress(ValueError):
                return microseconds(datetime.fromisoformat(text))
        problem = "needs an offset" if "timezone" in str(exc) else "isn't an RFC 3339 time"
        raise Refusal("ts", f"{problem}; write it like 2026-01-31T14:05:00Z or 2026-01-31T15:05:00+01:00") from exc


def is_time(value: object) -> bool:
    """Whether somebody surely means a point in time by it: a date, or a number as large as epoch times are, counted in
    seconds to nanoseconds."""
    match value:
        case bool():
            return False
        case int() | float():
            return NUMBERS_FROM <= value < 1e19
        case str():
            return _DATED.match(value) is not None or _NUMBER.fullmatch(value) is not None
        case _:
            return isinstance(value, datetime)
