"""The parameters `series`, `from`, `until`, `shift` and `tz`, which select readings wherever records are shown."""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from litestar.params import QueryParameter

from service.access.grants import Grant
from service.errors import bad_parameter
from service.languages.sentence import sentence
from service.period.ends import Asked, Ends, read_ends
from service.period.selection import BEGINNING, END, Selection
from service.period.shifts import Shifts
from service.period.times import check_zone
from service.routes.defaults import Defaults
from service.routes.parameters import FOR_CSV, MAX_CHOSEN, Together, choice, series_names
from service.routes.visible_series import series_shown

CHOOSING = ("series", "from", "until", "shift", "tz")

Series = Annotated[
    list[str] | None, QueryParameter(description=f"Only these series; repeatable, up to {MAX_CHOSEN} times.")
]
From = Annotated[str | None, QueryParameter(name="from", description="Begin: RFC 3339, epoch, now-2h, -2h.")]
Until = Annotated[str | None, QueryParameter(description="End, itself not included; written like `from`.")]
InShift = Annotated[
    str | None, QueryParameter(description="Instead of `from` and `until`: early, early@2026-11-24, shift, last-shift.")
]
Zone = Annotated[str | None, QueryParameter(description="IANA time zone of the times asked for and shown.")]
Excel = Annotated[
    str | None, QueryParameter(description="`true`: CSV for a spreadsheet, in which no text is taken for a formula.")
]


class Choice(msgspec.Struct, frozen=True):
    """A selection of readings, the time zone to show them in, and the parameters as they were written in the
    address."""

    selection: Selection
    zone: str
    series: tuple[str, ...]
    start: str
    end: str
    tz: str
    shift: str = ""

    @property
    def is_all(self) -> bool:
        """Whether all readings are selected."""
        return not (self.series or self.start or self.end or self.shift)

    def address(self, path: str, **more: object) -> str:
        """The address of the same selection at `path` with further parameters, of which those that are None are left
        out."""
        given = {"from": self.start, "until": self.end, "shift": self.shift, "tz": self.tz}
        written = {name: text or None for name, text in given.items()}
        return address(path, series=self.series, **written, **more)


NOTHING = Choice(Selection(END, END), "UTC", (), "", "", "")
"""No readings."""


def address(path: str, **parameters: object) -> str:
    """An address with parameters. Those that are None are left out; a tuple makes a parameter for each of its items."""
    asked = {
        name: value if isinstance(value, tuple) else str(value)
        for name, value in parameters.items()
        if value is not None
    }
    query = urlencode(asked, doseq=True)
    return f"{path}?{query}" if query else path


def read_choice(series: list[str] | None, asked: Asked, tz: str | None, defaults: Defaults, grant: Grant) -> Choice:
    """The choice that the parameters describe, of the series that are granted. Raises BadRequest, which names all
    parameters that are wrong, and Forbidden where a series is named that isn't granted.

    An empty value, which forms send for an empty field, counts as absent.
    """
    now = datetime.now(UTC)
    all_of = Together()
    given = all_of.read(lambda: series_names([name for name in series or () if name]), None)
    zone = all_of.read(lambda: check_zone(tz or defaults.zone), defaults.zone)
    first, last = all_of.read(lambda: _ends(asked, zone, now, defaults.shifts), (BEGINNING, END))
    all_of.check()
    if first >= last:
        raise bad_parameter("from", sentence("must be before until"))
    names = tuple(dict.fromkeys(given or ()))
    selection = Selection(first, last, series_shown(names, grant))
    return Choice(selection, zone, names, asked.start or "", asked.until or "", tz or "", asked.shift or "")


def _ends(asked: Asked, zone: str, now: datetime, shifts: Shifts) -> tuple[datetime, datetime]:
    """The ends that are asked for, or those of all time; BadRequest names each that is wrong."""
    all_of = Together()
    parts = [asked] if asked.shift else [Asked(start=asked.start), Asked(until=asked.until)]
    found = [all_of.read(partial(read_ends, part, zone, now, shifts), Ends()) for part in parts]
    all_of.check()
    first, last = ([*filter(None, ends)] for ends in ((one.start for one in found), (one.until for one in found)))
    return (first or [BEGINNING])[0], (last or [END])[0]


def is_for_excel(excel: str | None, form: str) -> bool:
    """Whether CSV is asked for as spreadsheets need it. Raises BadRequest where another format is."""
    asked = choice("excel", excel or "false", ("true", "false")) == "true"
    if asked and form != "csv":
        raise bad_parameter("excel", FOR_CSV)
    return asked
