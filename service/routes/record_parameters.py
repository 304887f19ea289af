"""The parameters `series`, `from`, `until` and `tz`, which select readings wherever records are shown."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from litestar.params import QueryParameter

from service.access.grants import Grant
from service.errors import bad_parameter
from service.period.selection import BEGINNING, END, Selection
from service.period.times import check_zone, parse_time
from service.routes.parameters import FOR_CSV, MAX_CHOSEN, Together, choice, series_names
from service.routes.visible_series import series_shown

CHOOSING = ("series", "from", "until", "tz")

Series = Annotated[
    list[str] | None, QueryParameter(description=f"Only these series; repeatable, up to {MAX_CHOSEN} times.")
]
From = Annotated[str | None, QueryParameter(name="from", description="Begin: RFC 3339, epoch, now-2h, -2h.")]
Until = Annotated[str | None, QueryParameter(description="End, itself not included; written like `from`.")]
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

    @property
    def is_all(self) -> bool:
        """Whether all readings are selected."""
        return not (self.series or self.start or self.end)

    def address(self, path: str, **more: object) -> str:
        """The address of the same selection at `path` with further parameters, of which those that are None are left
        out."""
        given = {"series": self.series, "from": self.start or None, "until": self.end or None, "tz": self.tz or None}
        return address(path, **given, **more)


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


def read_choice(
    series: list[str] | None, start: str | None, until: str | None, tz: str | None, default_zone: str, grant: Grant
) -> Choice:
    """The choice that the parameters describe, of the series that are granted. Raises BadRequest, which names all
    parameters that are wrong, and Forbidden where a series is named that isn't granted.

    An empty value, which forms send for an empty field, counts as absent.
    """
    now = datetime.now(UTC)
    all_of = Together()
    given = all_of.read(lambda: series_names([name for name in series or () if name]), None)
    zone = all_of.read(lambda: check_zone(tz or default_zone), default_zone)
    first = all_of.read(lambda: parse_time("from", start, zone, now) if start else BEGINNING, BEGINNING)
    last = all_of.read(lambda: parse_time("until", until, zone, now) if until else END, END)
    all_of.check()
    if first >= last:
        raise bad_parameter("from", "must be before until")
    names = tuple(dict.fromkeys(given or ()))
    return Choice(Selection(first, last, series_shown(names, grant)), zone, names, start or "", until or "", tz or "")


def is_for_excel(excel: str | None, form: str) -> bool:
    """Whether CSV is asked for as spreadsheets need it. Raises BadRequest where another format is."""
    asked = choice("excel", excel or "false", ("true", "false")) == "true"
    if asked and form != "csv":
        raise bad_parameter("excel", FOR_CSV)
    return asked
