"""Durations, sizes and log levels as people write them, and messages about wrong settings. The service and the emitter
share no code, but this module is the same in both, so that they understand the same texts.
"""

import math
import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ByteSize, TypeAdapter, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

LevelName = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]

_ALIASES = {"WARN": "WARNING", "FATAL": "CRITICAL"}
_UNITS = {
    **dict.fromkeys(("ms",), 0.001),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("h", "hour", "hours"), 3600),
    **dict.fromkeys(("d", "day", "days"), 86400),
    **dict.fromkeys(("w", "week", "weeks"), 604800),
}
_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_PART = re.compile(rf"({_NUMBER.pattern}) ?([a-z]+) ?", re.ASCII)
_ISO = re.compile(
    r"P(?!$)(?:(\d+)W)?(?:(\d+)D)?(?:T(?!$)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", re.ASCII | re.IGNORECASE
)
_ISO_SECONDS = (604800, 86400, 3600, 60, 1)
_size = TypeAdapter(ByteSize)
_KINDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    datetime: "a time like 1970-01-01T00:00:00Z",
    timedelta: "a duration",
    str: "text",
}
_SHOWN = {"d": 86400, "h": 3600, "m": 60}
_BOUNDS = {
    "ge": "at least {}",
    "gt": "more than {}",
    "le": "at most {}",
    "min_length": "at least {}",
    "max_length": "at most {} characters",
}


def parse_duration(text: str) -> timedelta:
    """`90s`, `1h30m`, `2 days`, `PT90S`; a number alone is in seconds. Raises ValueError for anything else."""
    seconds = _seconds(text.strip())
    if seconds is None:
        raise ValueError(f"{text!r} isn't a duration; write it like 10s, 1h30m, 7d or PT90S")
    try:
        return timedelta(seconds=seconds)
    except OverflowError as exc:
        raise ValueError(f"{text!r} is too long") from exc


def parse_size(text: str) -> int:
    """`16777216`, `16MiB`, `16 MB` in bytes; KB, MB and GB are powers of 1000, KiB, MiB and GiB powers of 1024. Raises
    ValueError for anything else."""
    try:
        return int(_size.validate_python(text.strip()))
    except (ValidationError, OverflowError) as exc:
        raise ValueError(f"{text!r} isn't a size; write it in bytes, like 16777216, or like 16MiB or 16MB") from exc


def parse_level(text: str) -> str:
    """A level's name, in capital or small letters; `WARN` is `WARNING`, `FATAL` is `CRITICAL`. Raises ValueError for
    anything else."""
    name = text.strip().upper()
    name = _ALIASES.get(name, name)
    if name not in get_args(LevelName):
        raise ValueError(f"{text!r} isn't a level; allowed are {', '.join(get_args(LevelName))}")
    return name


def faults(error: ValidationError, settings: type[BaseModel]) -> str:
    """A sentence for each wrong setting, with its name, its value, and what is allowed."""
    return " ".join(f"{_named(fault)}{_wrong(fault, settings)}." for fault in error.errors())


def _named(fault: ErrorDetails) -> str:
    """The name of the setting; none where several don't go together."""
    return f"{'.'.join(map(str, fault['loc'])).upper()}: " if fault["loc"] else ""


def _wrong(fault: ErrorDetails, settings: type[BaseModel]) -> str:
    if fault["type"] == "value_error":  # raised by one of our own checks, whose message says what is allowed
        return fault["msg"].removeprefix("Value error, ")
    return f"{_written(fault['input'])} isn't allowed; write {_allowed(settings.model_fields[str(fault['loc'][0])])}"


def _allowed(field: FieldInfo) -> str:
    if names := get_args(field.annotation):
        return " or ".join(map(str, names))
    bounds = [
        text.format(_written(getattr(each, name)))
        for each in field.metadata
        for name, text in _BOUNDS.items()
        if hasattr(each, name)
    ]
    return " ".join([_KINDS[field.annotation], *(["of"] if bounds else []), " and ".join(bounds)]).strip()


def _written(value: object) -> str:
    """A value as people write it."""
    if not isinstance(value, timedelta):
        return repr(value)
    seconds = value.total_seconds()
    unit, size = next(((unit, size) for unit, size in _SHOWN.items() if seconds and not seconds % size), ("s", 1))
    return f"{seconds / size:g}{unit}"


def _seconds(text: str) -> float | None:
    if _NUMBER.fullmatch(text):
        return float(text)
    if match := _ISO.fullmatch(text):
        return math.fsum(float(part) * unit for part, unit in zip(match.groups("0"), _ISO_SECONDS, strict=True))
    parts = list(_PART.finditer(text))
    if not parts or "".join(part[0] for part in parts) != text or not all(part[2] in _UNITS for part in parts):
        return None
    return math.fsum(float(part[1]) * _UNITS[part[2]] for part in parts)


Duration = Annotated[
    timedelta, BeforeValidator(lambda value: parse_duration(value) if isinstance(value, str) else value)
]
Size = Annotated[int, BeforeValidator(lambda value: parse_size(value) if isinstance(value, str) else value)]
Level = Annotated[LevelName, BeforeValidator(lambda value: parse_level(value) if isinstance(value, str) else value)]
