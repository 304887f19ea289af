"""The hours and days whose steps are kept; a chart leaves the others out."""

from datetime import datetime, timedelta
from itertools import groupby
from operator import sub

import msgspec

from service.errors import bad_parameter, quoted
from service.languages.language import Language
from service.languages.sentence import sentence
from service.period.shift_rules import DAY, WEEKDAYS, Minutes, clock, minutes_between, named_days

ALL_DAYS = tuple(range(7))
WHOLE_DAY: Minutes = (0, DAY)
LONGEST_IN_HOURS, LONGEST_IN_DAYS = 3600, 86400
"""The seconds of the longest step of which one can say that it begins within hours, or on a day."""


class OpenHours(msgspec.Struct, frozen=True):
    """Some minutes of the day, which may go on after midnight, and some days of the week, 0 being Monday; hours over
    midnight belong to the day on which they begin."""

    minutes: Minutes = WHOLE_DAY
    days: tuple[int, ...] = ALL_DAYS

    def has(self, local: datetime) -> bool:
        """Whether a time on the clock lies within."""
        minute, day = 60 * local.hour + local.minute, local.weekday()
        start, end = self.minutes
        if start <= minute < end and day in self.days:
            return True
        return minute < end - DAY and (local - timedelta(days=1)).weekday() in self.days

    @property
    def longest_step(self) -> int:
        """The seconds of the longest step that can be kept or left out."""
        return LONGEST_IN_DAYS if self.minutes == WHOLE_DAY else LONGEST_IN_HOURS

    @property
    def hours_text(self) -> str | None:
        """The hours as an address has them; None where they are the whole day."""
        return None if self.minutes == WHOLE_DAY else "-".join(map(_clock, self.minutes))

    @property
    def days_text(self) -> str | None:
        """The days as an address has them; None where they are all days."""
        if self.days == ALL_DAYS:
            return None
        return ",".join("-".join(WEEKDAYS[day] for day in dict.fromkeys(ends)) for ends in self._runs)

    def in_words(self, language: Language) -> str:
        """`06:00 to 22:00, Mon to Fri`."""
        hours = [] if self.minutes == WHOLE_DAY else [tuple(map(_clock, self.minutes))]
        days = [] if self.days == ALL_DAYS else self._runs
        named = [tuple(map(language.times.weekday, dict.fromkeys(ends))) for ends in days]
        return ", ".join(
            language.gettext("%(first)s to %(last)s", first=run[0], last=run[-1]) if len(run) > 1 else run[0]
            for run in (*hours, *named)
        )

    @property
    def _runs(self) -> list[tuple[int, int]]:
        """The first and the last of the days that follow each other, for each run of them."""
        runs = [[day for _, day in run] for _, run in groupby(enumerate(self.days), lambda one: sub(*one))]
        return [(run[0], run[-1]) for run in runs]


def read_hours(name: str, text: str) -> Minutes:
    """The minutes that are meant by a text like `06:00-22:00`; BadRequest names the parameter where they are none."""
    try:
        return minutes_between([text], text)
    except ValueError:
        wrong = sentence(
            "%(value)s can't be read as hours; write them like 06:00-22:00, and a whole day 00:00-24:00",
            value=quoted(text),
        )
        raise bad_parameter(name, wrong) from None


def read_days(name: str, text: str) -> tuple[int, ...]:
    """The days that are meant by a text like `mon-fri,sun`; BadRequest names the parameter where they are none."""
    try:
        return named_days([text], [text])
    except ValueError:
        wrong = sentence("%(value)s can't be read as days; write them like mon-fri,sun, each once", value=quoted(text))
        raise bad_parameter(name, wrong) from None


def open_hours(minutes: Minutes | None, days: tuple[int, ...] | None) -> OpenHours | None:
    """The hours and days that were asked for; None where nothing is left out."""
    asked = OpenHours(minutes or WHOLE_DAY, days or ALL_DAYS)
    return asked if asked != OpenHours() else None


def _clock(minutes: int) -> str:
    """The time on the clock; that of midnight at the end of a day is 24:00."""
    return "24:00" if minutes == DAY else clock(minutes)
