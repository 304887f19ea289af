"""The parameters `period`, `series` and `tz`, which the live page and its events have in common."""

from typing import Annotated

import msgspec
from litestar.params import QueryParameter

from service.access.grants import Grant
from service.live.view import PERIODS, WIDTHS, View
from service.period.times import check_zone
from service.routes.parameters import choice, series_names, whole_number
from service.routes.visible_series import series_shown

PARAMETERS = ("period", "series", "tz")
DEFAULT = "1h"

PeriodName = Annotated[str | None, QueryParameter(description=f"{', '.join(PERIODS)}.")]
Zone = Annotated[str | None, QueryParameter(description="IANA time zone of day and times.")]


class LiveParameters(msgspec.Struct, frozen=True):
    """The parameters as the address has them. An empty one, which forms send, counts as absent."""

    period: str
    series: tuple[str, ...]
    tz: str

    @classmethod
    def of(cls, period: str | None, series: list[str] | None, tz: str | None) -> "LiveParameters":
        return cls(period or DEFAULT, tuple(name for name in series or () if name), tz or "")

    def view(self, zone: str, grant: Grant, width: int = max(WIDTHS)) -> View:
        """The view that is asked for, of the series that are granted; `zone` is the default time zone. Raises
        BadRequest, which names the wrong parameter, and Forbidden for a series that isn't granted."""
        names = series_names(list(self.series)) or []
        period = choice("period", self.period, PERIODS)
        return View(period, series_shown(sorted(set(names)), grant), check_zone(self.tz or zone), width)


def width_for(width: str | None) -> int:
    """The width of the widest chart that fits into `width` pixels."""
    room = whole_number("width", width, 1, 100_000) if width else max(WIDTHS)
    return max((one for one in WIDTHS if one <= room), default=min(WIDTHS))
