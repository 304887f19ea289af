"""What an address asks the charts, and for how long the answer may be kept."""

from datetime import datetime
from functools import lru_cache

import msgspec

from service.charts.drawing.picture import AXIS_ROOM, columns
from service.charts.legible import check_bars, legible_period, visible
from service.charts.question import TABLES, Appearance, ChartFormat, ChartQuestion
from service.period.selection import SeriesFilter
from service.period.steps import Period
from service.routes.chart.caching import kept_until
from service.routes.chart.chart_parameters import ChartParameters
from service.routes.defaults import Defaults

KEPT = 64
"""The questions that are kept. One may have hundreds of edges of steps."""


class Asked(msgspec.Struct, frozen=True):
    """A question, and until when its answer may be kept; None where its period is settled."""

    question: ChartQuestion
    keep_until: datetime | None


def asked(
    parameters: ChartParameters, form: ChartFormat, series: SeriesFilter, defaults: Defaults, now: datetime
) -> Asked:
    """What these parameters ask at a time, of these series. BadRequest names those that don't go together."""
    period = _period(parameters, form, defaults.zone, now)
    question = ChartQuestion(
        period,
        period.unfinished(now),
        _appearance(parameters, defaults.time_format),
        parameters.agg,
        series,
        parameters.max_panels,
        parameters.step if parameters.step != period.step else None,
    )
    return Asked(question, kept_until(parameters, period, now, lambda at: _period(parameters, form, defaults.zone, at)))


kept_asked = lru_cache(KEPT)(asked)
"""The same for short addresses and a time of `within_second`, where what was asked last is kept."""


def within_second(now: datetime) -> datetime:
    """A time that stands for all others of its second: they are all between the same two edges of steps, since edges
    are whole minutes, and times that are counted from now on are whole seconds away."""
    return now.replace(microsecond=500_000) if now.microsecond else now


def _appearance(parameters: ChartParameters, time_format: str) -> Appearance:
    return Appearance(
        parameters.time_format or time_format,
        parameters.width,
        parameters.height,
        parameters.theme,
        parameters.title,
        parameters.threshold,
    )


def _period(parameters: ChartParameters, form: ChartFormat, zone: str, now: datetime) -> Period:
    """The period that is asked for, with the step that is asked for; in a picture the step is longer where its bars
    would be too narrow to be seen."""
    most = parameters.max_panels or 1
    width = parameters.width // columns(parameters.width, most)
    tz = parameters.tz or zone
    period = legible_period(parameters.start, parameters.until, parameters.step, tz, now, width, most)
    check_bars(period)  # checked as for a single panel: the number of panels isn't known before the numbers are read
    return period if form in TABLES else visible(period, width - AXIS_ROOM)
