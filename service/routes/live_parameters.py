"""The parameters that the live page and its events have in common: the period, series and zone, and those by which a
chart compares and looks."""

from collections.abc import Sequence
from datetime import UTC, datetime

import msgspec

from service.access.grants import Grant
from service.charts.question import Appearance
from service.errors import bad_parameter
from service.languages.sentence import sentence
from service.live.spans import PERIODS, SHIFT_PERIODS, asked_for, check_span, periods
from service.live.view import WIDTHS, ChartChoice, View
from service.period.ends import Asked
from service.period.open_hours import open_hours
from service.period.times import check_zone
from service.routes.chart.chart_parameters import KNOWN as OF_CHARTS
from service.routes.defaults import Defaults
from service.routes.described_parameters import Described, in_openapi, query_parameter, read_fields
from service.routes.openapi_schemas import TEXT, schema
from service.routes.parameters import choice, series_names, whole_number
from service.routes.speaking import LANG, LANGUAGE_CHOSEN
from service.routes.visible_series import series_shown

AGGREGATES = ("sum", "increase")
"""What there is live: the others aren't added up, as the totals of the page are."""
CHOICES = {
    **{name: OF_CHARTS[name] for name in ("plan", "cumulative", "style", "threshold", "hours", "days")},
    "agg": Described(
        "agg",
        lambda name, value: choice(name, value, AGGREGATES),
        "`increase`: facts are counters, and by how much each has risen is shown.",
        schema("string", enum=list(AGGREGATES), default="sum"),
    ),
}
"""By which the chart compares and looks; as /chart has them."""
PARAMETERS = ("period", "from", "until", "series", "tz", *CHOICES, LANG)
DEFAULT = "1h"

_TEXTS = {
    "period": f"{', '.join(PERIODS)}; with shifts also {', '.join(SHIFT_PERIODS)}. `{DEFAULT}`.",
    "from": "Begin, instead of `period`; as for a chart.",
    "until": "End, written like `from`; by default now.",
    "tz": "IANA time zone of day and times.",
    LANG: LANGUAGE_CHOSEN,
}
DESCRIBED = [
    *(query_parameter(name, text, TEXT) for name, text in _TEXTS.items()),
    *in_openapi({"series": OF_CHARTS["series"], **CHOICES}),
]
"""The parameters as the API describes them."""


class LiveParameters(msgspec.Struct, frozen=True):
    """The parameters as the address has them. An empty one, which forms send, counts as absent."""

    period: str
    """Empty where the ends of the period are given instead."""
    series: tuple[str, ...]
    tz: str
    start: str = ""
    until: str = ""
    chosen: tuple[tuple[str, str], ...] = ()
    """Those of CHOICES that are given."""

    @classmethod
    def of(cls, given: Sequence[tuple[str, str]]) -> "LiveParameters":
        """The parameters among what an address has."""
        asked = {name: value for name, value in given if value.strip()}
        start, until = asked.get("from", ""), asked.get("until", "")
        named = asked.get("period") or ("" if start or until else DEFAULT)
        series = tuple(value for name, value in given if name == "series" and value)
        chosen = tuple((name, asked[name]) for name in CHOICES if name in asked)
        return cls(named, series, asked.get("tz", ""), start, until, chosen)

    @property
    def span(self) -> Asked:
        """What a chart of the same period is asked for."""
        return asked_for(self.period) if self.period else Asked(self.start or None, self.until or None)

    def view(self, defaults: Defaults, grant: Grant, language: str, width: int = max(WIDTHS)) -> View:
        """The view that is asked for, in a language, of the series that are granted. Raises BadRequest, which names the
        wrong parameter, and Forbidden for a series that isn't granted."""
        names = series_names(list(self.series), defaults.longest_name) or []
        if self.period:
            choice("period", self.period, periods(defaults.shifts))
        if self.period and (self.start or self.until):
            raise bad_parameter("period", sentence("isn't allowed together with from and until"))
        shown, zone = series_shown(sorted(set(names)), grant), check_zone(self.tz or defaults.zone)
        now = datetime.now(UTC)
        check_span(self.span, zone, now, defaults.shifts)
        view = View(self.span, shown, zone, width, _choice(self.chosen), language)
        view.question(Appearance(defaults.time_format), now, defaults.shifts)
        return view


def _choice(chosen: Sequence[tuple[str, str]]) -> ChartChoice:
    """BadRequest names all that are wrong."""
    read = read_fields(chosen, CHOICES)
    del read["series"]
    hours = open_hours(read.pop("hours", None), read.pop("days", None))
    return ChartChoice(earlier=read.pop("plan", None), hours=hours, **read)


def width_for(width: str | None) -> int:
    """The width of the widest chart that fits into `width` pixels."""
    room = whole_number("width", width, 1, 100_000) if width else max(WIDTHS)
    return max((one for one in WIDTHS if one <= room), default=min(WIDTHS))
