"""The period of a board, as an address asks for it: by default the running shift or, without shifts, today."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from service.errors import bad_parameter
from service.languages.sentence import sentence
from service.period.ends import Asked, Ends, read_ends, shift_begun
from service.period.shift_rules import SHIFT
from service.period.shifts import Shift, Shifts
from service.period.steps import Period, make_period
from service.period.times import shifted

STEPS = ("15m", "30m", "1h")
MOST_ROWS = 800
"""The most rows of a board: a month by the hour, and more."""


class BoardPeriod(msgspec.Struct, frozen=True):
    """What the parameters `from`, `until` or `shift`, `step` and `tz` say."""

    asked: Asked
    step: str
    zone: str

    def is_trimmed(self, shifts: Shifts) -> bool:
        """Whether hours without anything are left out at both ends, since nobody asked for a period."""
        return self._is_default and not shifts

    def at(self, now: datetime, shifts: Shifts) -> tuple[Period, Shift | None]:
        """The period that is meant at a moment, and the shift, if it is one. A board that has only a beginning shows
        the rest of that day. BadRequest names the parameter that is wrong."""
        ends = ends_of_board(self.asked, self.zone, now, shifts)
        period = make_period(ends.start, ends.until, self.step, self.zone, now, MOST_ROWS)
        if period.count > MOST_ROWS:
            raise bad_parameter(
                "from",
                sentence("a board has at most %(rows)s rows; give a shorter period or a longer step", rows=MOST_ROWS),
            )
        return period, ends.shift

    @property
    def _is_default(self) -> bool:
        return _is_default(self.asked)


def ends_of_board(asked: Asked, zone: str, now: datetime, shifts: Shifts) -> Ends:
    """The ends that are asked for, by default those of the running shift or, without shifts, of today; with a beginning
    alone, up to the end of the shift that it names, or of that day. BadRequest names the parameter that is wrong."""
    if _is_default(asked):
        asked = Asked(shift=SHIFT) if shifts else Asked("today")
    ends = read_ends(asked, zone, now, shifts)
    if ends.until:
        return ends
    shift = shift_begun(asked, now, shifts)
    return Ends(ends.start, shift.end if shift else _end_of_day(ends.start or now, zone), shift)


def _is_default(asked: Asked) -> bool:
    return not (asked.start or asked.until or asked.shift)


def _end_of_day(moment: datetime, zone: str) -> datetime:
    midnight = moment.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    return shifted(midnight, 1, "d").astimezone(UTC)
