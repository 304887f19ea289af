"""The parameters `period`, `from`, `until`, `series` and `tz`, which the live page and its events have in common."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from litestar.params import QueryParameter

from service.access.grants import Grant
from service.errors import bad_parameter
from service.languages.sentence import sentence
from service.live.spans import PERIODS, SHIFT_PERIODS, asked_for, check_span, periods
from service.live.view import WIDTHS, View
from service.period.ends import Asked
from service.period.times import check_zone
from service.routes.defaults import Defaults
from service.routes.parameters import choice, series_names, whole_number
from service.routes.speaking import LANG
from service.routes.visible_series import series_shown

PARAMETERS = ("period", "from", "until", "series", "tz", LANG)
DEFAULT = "1h"

PeriodName = Annotated[
    str | None,
    QueryParameter(description=f"{', '.join(PERIODS)}; with shifts also {', '.join(SHIFT_PERIODS)}. `{DEFAULT}`."),
]
LiveFrom = Annotated[str | None, QueryParameter(name="from", description="Begin, instead of `period`; as for a chart.")]
LiveUntil = Annotated[str | None, QueryParameter(description="End, written like `from`; by default now.")]
Zone = Annotated[str | None, QueryParameter(description="IANA time zone of day and times.")]


class LiveParameters(msgspec.Struct, frozen=True):
    """The parameters as the address has them. An empty one, which forms send, counts as absent."""

    period: str
    """Empty where the ends of the period are given instead."""
    series: tuple[str, ...]
    tz: str
    start: str = ""
    until: str = ""

    @classmethod
    def of(
        cls,
        period: str | None,
        series: list[str] | None,
        tz: str | None,
        start: str | None = None,
        until: str | None = None,
    ) -> "LiveParameters":
        named = period or ("" if start or until else DEFAULT)
        return cls(named, tuple(name for name in series or () if name), tz or "", start or "", until or "")

    @property
    def span(self) -> Asked:
        """What a chart of the same period is asked for."""
        return asked_for(self.period) if self.period else Asked(self.start or None, self.until or None)

    def view(self, defaults: Defaults, grant: Grant, language: str, width: int = max(WIDTHS)) -> View:
        """The view that is asked for, in a language, of the series that are granted. Raises BadRequest, which names the
        wrong parameter, and Forbidden for a series that isn't granted."""
        names = series_names(list(self.series)) or []
        if self.period:
            choice("period", self.period, periods(defaults.shifts))
        if self.period and (self.start or self.until):
            raise bad_parameter("period", sentence("isn't allowed together with from and until"))
        shown, zone = series_shown(sorted(set(names)), grant), check_zone(self.tz or defaults.zone)
        check_span(self.span, zone, datetime.now(UTC), defaults.shifts)
        return View(self.span, shown, zone, width, language)


def width_for(width: str | None) -> int:
    """The width of the widest chart that fits into `width` pixels."""
    room = whole_number("width", width, 1, 100_000) if width else max(WIDTHS)
    return max((one for one in WIDTHS if one <= room), default=min(WIDTHS))
