"""The period of a board, as an address asks for it: by default today."""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from service.errors import bad_parameter
from service.period.steps import Period, make_period
from service.period.times import parse_time, shifted

STEPS = ("15m", "30m", "1h")
MOST_ROWS = 800
"""The most rows of a board: a month by the hour, and more."""


class BoardPeriod(msgspec.Struct, frozen=True):
    """What the parameters `from`, `until`, `step` and `tz` say."""

    start: str | None
    until: str | None
    step: str
    zone: str

    @property
    def is_default(self) -> bool:
        """Whether nobody asked for a period."""
        return self.start is None and self.until is None

    def at(self, now: datetime) -> Period:
        """The period that is meant at a moment: a board that has only a beginning shows the rest of that day.
        BadRequest names the parameter that is wrong."""
        start, until = self.start or "today", self.until
        if until is None:
            begin = parse_time("from", start, self.zone, now).astimezone(ZoneInfo(self.zone))
            midnight = begin.replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
            until = shifted(midnight.replace(tzinfo=begin.tzinfo), 1, "d").isoformat()
        period = make_period(start, until, self.step, self.zone, now, MOST_ROWS)
        if period.count > MOST_ROWS:
            raise bad_parameter("from", f"a board has at most {MOST_ROWS} rows; give a shorter period or a longer step")
        return period
