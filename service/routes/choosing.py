"""Which readings an address asks for: `series`, `from`, `until` and `tz`, the same wherever records are shown."""

from datetime import UTC, datetime
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from litestar.params import QueryParameter

from service.period import bad_parameter, check_zone, parse_time
from service.routes.parameters import series_names
from service.selection import BEGINNING, END, Selection

CHOOSING = ("series", "from", "until", "tz")

Series = Annotated[list[str] | None, QueryParameter(description="Only these series; repeatable.")]
From = Annotated[str | None, QueryParameter(name="from", description="Begin: RFC 3339, epoch, now-2h, -2h.")]
Until = Annotated[str | None, QueryParameter(description="End, itself not included; written like `from`.")]
Zone = Annotated[str | None, QueryParameter(description="IANA time zone of the times asked for and shown.")]


class Choice(msgspec.Struct, frozen=True):
    """A selection of readings, the zone to show them in, and the address's own words for both."""

    selection: Selection
    zone: str
    series: tuple[str, ...]
    start: str
    end: str
    tz: str

    @property
    def is_all(self) -> bool:
        """Whether nothing is left out."""
        return not (self.series or self.start or self.end)

    def address(self, path: str, **more: object) -> str:
        """The address of the same choice with other parameters beside; those that are None are left out."""
        pairs = [("series", name) for name in self.series]
        pairs += [("from", self.start), ("until", self.end), ("tz", self.tz)]
        asked = [(name, value) for name, value in pairs if value]
        asked += [(name, str(value)) for name, value in more.items() if value is not None]
        return f"{path}?{urlencode(asked)}" if asked else path


def chosen(series: list[str] | None, start: str | None, until: str | None, tz: str | None, default_zone: str) -> Choice:
    """What the parameters select; BadRequest names the one that is wrong.

    What a form sends for a field that was left empty stands for no such parameter.
    """
    names = tuple(dict.fromkeys(series_names([name for name in series or () if name]) or ()))
    zone, now = check_zone(tz or default_zone), datetime.now(UTC)
    first = parse_time("from", start, zone, now) if start else BEGINNING
    last = parse_time("until", until, zone, now) if until else END
    if first >= last:
        raise bad_parameter("from", "must be before until")
    return Choice(Selection(first, last, names or None), zone, names, start or "", until or "", tz or "")
