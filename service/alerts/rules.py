"""The rules of the setting `ALERTS`."""

import re
from datetime import UTC, datetime

import msgspec

from service.alerts.question import Question, read_question
from service.errors import BadRequest
from service.intake.reading import MAX_NAME
from service.period.selection import ALL_SERIES, SeriesFilter
from service.period.shifts import Shifts

KEYS = ("series", "behind", "for", "stale", "from", "until", "shift", "tz", "split")
"""The parameters of a check."""
MOST_RULES = 100
MOST_SERIES = 100
"""The most series that a rule, or a setting, may name."""

_NAME = re.compile(r"\w[\w.-]{0,39}")
_KEY = re.compile(r"(?:^|\s+)([a-z_]+)\s*=\s*")
_EXAMPLE = "line2 series=line 2 behind=10% for=5m; silence stale=10m"


class Rule(msgspec.Struct, frozen=True):
    """A check that is made all the time, and its name."""

    name: str
    question: Question


def read_rules(text: str, zone: str = "UTC", shifts: Shifts | None = None) -> tuple[Rule, ...]:
    """The rules of a text like `line2 series=line 2 behind=10% for=5m; silence stale=10m`, by the clock of `zone`.
    Raises ValueError, which names the piece at fault; where `shifts` are given, also where a rule names one that isn't
    among them."""
    rules = tuple(_rule(piece.strip(), zone, shifts) for piece in text.split(";") if piece.strip())
    for place, rule in enumerate(rules):
        if rule.name in (other.name for other in rules[:place]):
            raise ValueError(f"two rules are named {rule.name!r}")
    if len(rules) > MOST_RULES:
        raise ValueError(f"there are {len(rules)} rules; {MOST_RULES} are allowed")
    return rules


def read_names(text: str) -> tuple[str, ...]:
    """The names of series in a text like `line 1; line 2`. Raises ValueError where one can't be."""
    names = tuple(dict.fromkeys(one.strip() for one in text.split(";") if one.strip()))
    if len(names) > MOST_SERIES:
        raise ValueError(f"there are {len(names)} series; {MOST_SERIES} are allowed")
    for name in names:
        _check_series(name)
    return names


def _rule(piece: str, zone: str, shifts: Shifts | None) -> Rule:
    name, _, rest = piece.partition(" ")
    if not _NAME.fullmatch(name):
        raise ValueError(f"{piece!r} has no name to begin with: letters, digits, - . and _; write {_EXAMPLE}")
    try:
        question = _question(rest.strip(), zone)
        if shifts is not None:
            question.period(datetime.now(UTC), shifts)
    except BadRequest as exc:
        raise ValueError(f"{piece!r}: {exc.detail.rstrip('.')}") from None
    except ValueError as exc:
        raise ValueError(f"{piece!r} {exc}") from None
    return Rule(name, question)


def _question(text: str, zone: str) -> Question:
    """The words of a value go on up to the next key."""
    before, *pieces = _KEY.split(text)
    if before:
        raise ValueError(f"has {before!r} where one of {', '.join(KEYS)} belongs; write {_EXAMPLE}")
    series: list[str] = []
    given: dict[str, str] = {}
    for key, value in zip(pieces[::2], (one.strip() for one in pieces[1::2]), strict=True):
        if key not in KEYS:
            raise ValueError(f"has {key!r}, which isn't a parameter; allowed are {', '.join(KEYS)}")
        if not value:
            raise ValueError(f"has {key} without a value; write {_EXAMPLE}")
        if key == "series":
            series.append(_check_series(value))
        elif key in given:
            raise ValueError(f"has {key} twice")
        else:
            given[key] = value
    if len(series) > MOST_SERIES:
        raise ValueError(f"names {len(series)} series; {MOST_SERIES} are allowed")
    return read_question(given, zone, SeriesFilter(tuple(dict.fromkeys(series))) if series else ALL_SERIES)


def _check_series(name: str) -> str:
    if len(name) > MAX_NAME or not name.isprintable():
        raise ValueError(f"names a series that can't be: {name[:40]!r}; a name has 1 to {MAX_NAME} characters")
    return name
