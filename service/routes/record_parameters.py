"""The parameters `series`, `from`, `until` and `tz`, which select readings wherever records are shown."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from urllib.parse import urlencode

import msgspec
from litestar.params import QueryParameter

from service.access.grants import Grant
from service.errors import BadRequest, Fault, bad_parameter
from service.period.selection import BEGINNING, END, Selection
from service.period.times import check_zone, parse_time
from service.routes.parameters import MAX_CHOSEN, series_names
from service.routes.visible_series import series_shown

CHOOSING = ("series", "from", "until", "tz")

Series = Annotated[
    list[str] | None, QueryParameter(description=f"Only these series; repeatable, up to {MAX_CHOSEN} times.")
]
From = Annotated[str | None, QueryParameter(name="from", description="Begin: RFC 3339, epoch, now-2h, -2h.")]
Until = Annotated[str | None, QueryParameter(description="End, itself not included; written like `from`.")]
Zone = Annotated[str | None, QueryParameter(description="IANA time zone of the times asked for and shown.")]


T = TypeVar("T")


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
    faults: list[Fault] = []
    given = _read(faults, lambda: series_names([name for name in series or () if name]), None)
    zone = _read(faults, lambda: check_zone(tz or default_zone), default_zone)
    first = _read(faults, lambda: parse_time("from", start, zone, now) if start else BEGINNING, BEGINNING)
    last = _read(faults, lambda: parse_time("until", until, zone, now) if until else END, END)
    if faults:
        raise BadRequest(" ".join(f"{fault.field}: {fault.detail}." for fault in faults), faults)
    if first >= last:
        raise bad_parameter("from", "must be before until")
    names = tuple(dict.fromkeys(given or ()))
    return Choice(Selection(first, last, series_shown(names, grant)), zone, names, start or "", until or "", tz or "")


def _read(faults: list[Fault], read: Callable[[], T], otherwise: T) -> T:
    """The result of `read`. Where it raises BadRequest, its faults are collected, and `otherwise` is returned."""
    try:
        return read()
    except BadRequest as error:
        faults += error.faults
        return otherwise
