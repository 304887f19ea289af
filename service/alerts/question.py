"""What a check asks: which series, of which period, and what is allowed. Addresses and the setting `ALERTS` write it
in the same way."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TypeVar

import msgspec

from service.board.board_period import ends_of_board
from service.errors import BadRequest, bad_parameter, quoted
from service.period.comparison import Threshold, read_threshold
from service.period.ends import Asked
from service.period.selection import ALL_SERIES, SeriesFilter
from service.period.shifts import Shifts
from service.period.steps import Period, make_period
from service.period.times import check_zone
from service.quantities import parse_duration

LONGEST = timedelta(days=31)
"""The longest period of which a check may be: it reads each of its minutes."""
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
T = TypeVar("T")


class Question(msgspec.Struct, frozen=True):
    """The fact may be behind the plan that is due by `behind`, and by more for less than `lasting`; for less than
    `stale` there may be no fact where one is due. Of both at least one is asked. With `split`, each series is looked at
    by itself. The period is meant as of a board's, `asked` by the clock of `zone`; but with a beginning alone it goes
    on over midnight."""

    asked: Asked
    zone: str
    series: SeriesFilter = ALL_SERIES
    behind: Threshold | None = None
    lasting: timedelta = timedelta()
    stale: timedelta | None = None
    split: bool = False

    def period(self, now: datetime, shifts: Shifts) -> Period:
        """The period at a moment, in minutes. BadRequest names the parameter that is wrong."""
        ends, asked = ends_of_board(self.asked, self.zone, now, shifts), self.asked
        is_open = asked.start and not (asked.until or ends.shift)
        until = max(now, ends.until or now) if is_open else ends.until
        period = make_period(ends.start, until, "1m", self.zone, now, 0)
        if period.end - period.start > LONGEST:
            raise bad_parameter("from", f"a check is of at most {LONGEST.days} days; give a shorter period")
        return period


def read_question(given: Mapping[str, str], zone: str, series: SeriesFilter = ALL_SERIES) -> Question:
    """The question in the parameters of an address or of a rule, but for its series; it is read by the clock of `zone`
    unless `tz` says otherwise. BadRequest names the first that is wrong."""
    behind = _if_given(given, "behind", _allowed)
    if "for" in given and behind is None:
        raise bad_parameter("for", "belongs to behind; stale is a time by itself")
    lasting = _if_given(given, "for", lambda text: _duration("for", text, timedelta()))
    stale = _if_given(given, "stale", lambda text: _duration("stale", text, MINUTE))
    if behind is None and stale is None:
        raise BadRequest("What is allowed is missing: give behind, like 10% or 37, or stale, like 5m, or both.")
    split = given.get("split", "none")
    if split not in ("series", "none"):
        raise bad_parameter("split", f"{quoted(split)} isn't allowed; allowed are series, none")
    return Question(
        Asked(given.get("from"), given.get("until"), given.get("shift")),
        check_zone(given["tz"]) if "tz" in given else zone,
        series,
        behind,
        lasting or timedelta(),
        stale,
        split == "series",
    )


def _if_given(given: Mapping[str, str], name: str, read: Callable[[str], T]) -> T | None:
    return read(given[name]) if name in given else None


def _allowed(text: str) -> Threshold:
    try:
        found = read_threshold("behind", text)
    except BadRequest:
        found = None
    if found is None:
        raise bad_parameter("behind", f"{quoted(text)} must be a number, or a share of the plan like 10%")
    return found


def _duration(name: str, text: str, shortest: timedelta) -> timedelta:
    try:
        found = parse_duration(text)
    except ValueError as exc:
        raise bad_parameter(name, f"{quoted(text)}: {exc}") from None
    if not shortest <= found <= DAY:
        raise bad_parameter(name, f"must be from {'1m' if shortest else '0s'} to 1d")
    return found
