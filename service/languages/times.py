"""Times and dates as a language writes them. The clock has 24 hours in every language, and English dates are written as
ISO 8601 has them, year first."""

import re
from datetime import date, datetime, tzinfo
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from babel import Locale

KEPT = 4096
"""The dates that are kept: each row of a page has one."""
_NAMED = re.compile(r"%([-_0^#]?)([aAbBhp%])")
_FIELDS = re.compile(r"'[^']*'|[Ec]+|[ML]+")
"""The names of days and months in a pattern of Unicode's LDML, and what is quoted in it."""
_NUMBERED = re.compile(r"%[-_0^#]?[de]")


class Times:
    """Writes times for a locale of Babel's, or in English, for which Babel needn't be loaded. A time is written by the
    clock of a zone."""

    def __init__(self, locale: "Locale | None" = None) -> None:
        self._locale = locale
        self._date = lru_cache(KEPT)(self._write_date)

    def clock(self, ts: datetime, zone: tzinfo) -> str:
        """Hour and minute."""
        return f"{ts.astimezone(zone):%H:%M}"

    def second(self, ts: datetime, zone: tzinfo) -> str:
        """Hour, minute and second."""
        return f"{ts.astimezone(zone):%H:%M:%S}"

    def day(self, ts: datetime, zone: tzinfo) -> str:
        """The date."""
        return self._date(ts.astimezone(zone).date())

    def minute(self, ts: datetime, zone: tzinfo) -> str:
        """Date, hour and minute."""
        return f"{self.day(ts, zone)} {self.clock(ts, zone)}"

    def moment(self, ts: datetime, zone: tzinfo) -> str:
        """Date, hour, minute and second."""
        return f"{self.day(ts, zone)} {self.second(ts, zone)}"

    def calendar_day(self, day: date) -> str:
        """The date."""
        return self._date(day)

    def short_day(self, ts: datetime, zone: tzinfo) -> str:
        """Weekday and day, with short names: `Fri 27 Nov`."""
        local = ts.astimezone(zone)
        return f"{local:%a} {local.day} {local:%b}" if self._locale is None else self._named_day(local)

    def long_day(self, ts: datetime, zone: tzinfo) -> str:
        """Weekday and day, with full names: `Friday 27 November`."""
        local = ts.astimezone(zone)
        return f"{local:%A} {local.day} {local:%B}" if self._locale is None else self._named_day(local, full=True)

    def weekday(self, number: int) -> str:
        """The short name of a day of the week, 0 being Monday."""
        names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
        return names[number] if self._locale is None else str(self._locale.days["stand-alone"]["abbreviated"][number])

    def strftime(self, local: datetime, time_format: str) -> str:
        """As `strftime`, with the names of months and days in this language; beside a number of the day a month has the
        form that belongs there."""
        if self._locale is not None:
            time_format = _NAMED.sub(lambda found: self._name(found, local, time_format), time_format)
        return local.strftime(time_format)

    def _name(self, found: re.Match[str], local: datetime, time_format: str) -> str:
        if self._locale is None or found[2] == "%":
            return found[0]
        place = "format" if _NUMBERED.search(time_format) else "stand-alone"
        match found[2]:
            case "a" | "A":
                width = "abbreviated" if found[2] == "a" else "wide"
                name = self._locale.days["stand-alone"][width][local.weekday()]
            case "p":
                name = self._locale.day_periods["format"]["abbreviated"]["am" if local.hour < 12 else "pm"]
            case _:
                name = self._locale.months[place]["wide" if found[2] == "B" else "abbreviated"][local.month]
        text = str(name).upper() if found[1] in ("^", "#") else str(name)
        return text.replace("%", "%%")

    def _write_date(self, day: date) -> str:
        if self._locale is None:
            return f"{day:%Y-%m-%d}"
        from babel.dates import format_date

        # the short form with all digits of the year: that of most languages has two, but no records are of 1926
        pattern = re.sub("y+", "y", self._locale.date_formats["short"].pattern)
        return format_date(day, pattern, locale=self._locale)

    def _named_day(self, local: datetime, *, full: bool = False) -> str:
        from babel.dates import format_datetime, match_skeleton

        if self._locale is None:
            raise ValueError("English dates are written without Babel")
        skeletons = self._locale.datetime_skeletons
        pattern = str(skeletons[match_skeleton("MMMEd", skeletons) or "MMMEd"].pattern)
        if full:  # hardly any language has a pattern of its own for full names
            pattern = _FIELDS.sub(lambda found: 4 * found[0][0] if found[0][0] in "EcML" else found[0], pattern)
        return format_datetime(local, pattern, tzinfo=local.tzinfo, locale=self._locale)
