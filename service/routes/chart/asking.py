"""What an address asks the charts, and for how long the answer may be kept."""

from datetime import datetime
from functools import lru_cache

import msgspec

from service.charts.drawing.picture import AXIS_ROOM, columns
from service.charts.legible import check_bars, check_increases, legible_period, visible
from service.charts.question import TABLES, Appearance, ChartFormat, ChartQuestion
from service.languages.language import language_named
from service.period.ends import read_ends
from service.period.kept import ALL_KEPT, Kept, coarser, in_kept_steps
from service.period.running import running_totals
from service.period.selection import SeriesFilter
from service.period.shifts import Shift
from service.period.steps import Period
from service.routes.chart.caching import kept_until
from service.routes.chart.chart_parameters import ChartParameters
from service.routes.defaults import Defaults

KEPT = 64
"""The questions that are kept. One may have hundreds of edges of steps."""


class Asking(msgspec.Struct, frozen=True):
    """A question, and until when its answer may be kept; None where its period is settled."""

    question: ChartQuestion
    keep_until: datetime | None


def asking(
    parameters: ChartParameters,
    form: ChartFormat,
    series: SeriesFilter,
    defaults: Defaults,
    language: str,
    now: datetime,
    kept: Kept = ALL_KEPT,
) -> Asking:
    """What these parameters ask at a time, of these series, in a language, as far as it is kept. BadRequest names those
    that don't go together."""
    wanted, shift = _period(parameters, form, defaults, now)
    period = in_kept_steps(wanted, kept, parameters.agg, parameters.plan)
    question = ChartQuestion(
        period,
        period.unfinished(now),
        _appearance(parameters, defaults, language),
        parameters.agg,
        series,
        parameters.max_panels,
        parameters.step if parameters.step != wanted.step else None,
        running_totals(parameters.cumulative, period, now, defaults.shifts) if parameters.cumulative else None,
        period.line_at(now),
        parameters.plan,
        shift,
        # the columns of CSV are always the same, unless somebody asks for more
        form != "csv" if parameters.notes is None else parameters.notes,
        coarser(kept, wanted.start) if period != wanted else None,
    )

    def period_at(moment: datetime) -> Period:
        wanted, _ = _period(parameters, form, defaults, moment)
        return in_kept_steps(wanted, kept, parameters.agg, parameters.plan)

    until = kept_until(parameters.asked, question, now, period_at)
    return Asking(question, until)


kept_asking = lru_cache(KEPT)(asking)
"""The same for short addresses and a time of `within_second`, where what was asked last is kept."""


def within_second(now: datetime) -> datetime:
    """A time that stands for all others of its second: they are all between the same two edges of steps, since edges
    are whole minutes, and times that are counted from now on are whole seconds away."""
    return now.replace(microsecond=500_000) if now.microsecond else now


def _appearance(parameters: ChartParameters, defaults: Defaults, language: str) -> Appearance:
    return Appearance(
        parameters.time_format or defaults.time_format,
        parameters.width,
        parameters.height,
        parameters.theme,
        parameters.title,
        parameters.threshold,
        style=parameters.style,
        labels=language_named(language).labels(parameters.labels or defaults.labels),
        unit=defaults.unit if parameters.unit is None else parameters.unit,
        language=language,
    )


def _period(
    parameters: ChartParameters, form: ChartFormat, defaults: Defaults, now: datetime
) -> tuple[Period, Shift | None]:
    """The period that is asked for, with the step that is asked for, and the shift, if it is one. In a picture the step
    is longer where its bars would be too narrow to be seen."""
    most = parameters.max_panels or 1
    width = parameters.width // columns(parameters.width, most)
    tz = parameters.tz or defaults.zone
    ends = read_ends(parameters.asked, tz, now, defaults.shifts)
    period = legible_period(ends.start, ends.until, parameters.step, tz, now, width, most, parameters.open_hours)
    if parameters.agg == "increase":
        check_increases(period)
    # checked as for a single panel: the number of panels isn't known before the numbers are read
    check_bars(period, style=parameters.style)
    return period if form in TABLES else visible(period, width - AXIS_ROOM), ends.shift
