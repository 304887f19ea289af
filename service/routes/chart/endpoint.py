"""`GET /chart`: the chart as a picture or as numbers."""

from datetime import UTC, datetime
from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from service.access.grants import Grant, Scope
from service.charts.answering import Charts
from service.charts.drawing.picture import AXIS_ROOM, columns
from service.charts.legible import check_bars, check_increases, legible_period, visible
from service.charts.question import TABLES, Appearance, ChartFormat, ChartQuestion, Delivery
from service.errors import bad_parameter
from service.period.ends import read_ends
from service.period.running import running_totals
from service.period.shifts import Shift
from service.period.steps import Period
from service.routes.authentication import needs
from service.routes.chart.caching import chart_headers, kept_until, known_tags
from service.routes.chart.chart_parameters import FORMATS, ChartParameters, kept_parameters, read_parameters
from service.routes.chart.openapi import ChartOperation
from service.routes.defaults import Defaults
from service.routes.parameters import FOR_CSV, best_match, takes_gzip
from service.routes.senders import caller_of, grant_of
from service.routes.short_keys import SHORT, kept_by_short_text
from service.routes.visible_series import series_shown

PACKED = ("svg", "html", "json", "csv", "vega")
"""The formats that are worth compressing with gzip."""


def chart_route(charts: Charts, defaults: Defaults) -> HTTPRouteHandler:
    @get("/chart", operation_id="chart", operation_class=ChartOperation, tags=["chart"], opt=needs(Scope.READ))
    async def chart(request: Request[Any, Any, Any]) -> ASGIResponse:
        """Bars of plan and fact per minute over the last hour, or as the parameters say."""
        # Where many dashboards reload charts, nearly every answer is a 304, where microseconds count. So the headers
        # are looked up only once.
        given = request.headers
        read = kept_parameters if len(request.scope["query_string"]) <= SHORT else read_parameters
        parameters = read(tuple(request.query_params.multi_items()))
        form = parameters.form or _format(given.get("accept", "*/*"))
        if parameters.excel and form != "csv":
            raise bad_parameter("excel", FOR_CSV)
        packed = form in PACKED and takes_gzip(given.get("accept-encoding", ""))
        now = datetime.now(UTC)
        period, shift = _period(parameters, form, defaults, now)
        question = _question(parameters, form, period, shift, defaults, now, grant_of(request))
        known = known_tags(given.getall("if-none-match", ()))
        delivery = Delivery(form, parameters.scale, packed, known, parameters.excel, caller_of(request))
        answer = await charts.answer(question, delivery)
        until = kept_until(parameters.asked, question, now, lambda then: _period(parameters, form, defaults, then)[0])
        headers = chart_headers(answer, form, now, until)
        if answer.body is None:
            return ASGIResponse(status_code=304, headers=headers)
        if packed:
            headers["Content-Encoding"] = "gzip"
        return ASGIResponse(body=answer.body.data, media_type=FORMATS[form], headers=headers)

    return chart


def _question(
    parameters: ChartParameters,
    form: ChartFormat,
    period: Period,
    shift: Shift | None,
    defaults: Defaults,
    now: datetime,
    grant: Grant,
) -> ChartQuestion:
    appearance = Appearance(
        parameters.time_format or defaults.time_format,
        parameters.width,
        parameters.height,
        parameters.theme,
        parameters.title,
        parameters.threshold,
        style=parameters.style,
        labels=parameters.labels or defaults.labels,
        unit=defaults.unit if parameters.unit is None else parameters.unit,
    )
    return ChartQuestion(
        period,
        period.unfinished(now),
        appearance,
        parameters.agg,
        series_shown(parameters.series, grant),
        parameters.max_panels,
        parameters.step if parameters.step != period.step else None,
        running_totals(parameters.cumulative, period, now, defaults.shifts) if parameters.cumulative else None,
        period.line_at(now),
        parameters.plan,
        shift,
        # the columns of CSV are always the same, unless somebody asks for more
        form != "csv" if parameters.notes is None else parameters.notes,
    )


@kept_by_short_text(256)
def _format(accept: str) -> ChartFormat:
    """The format that the Accept header asks for. A browser that opens the address accepts everything, and gets the
    picture."""
    # a client that accepts application/* is a program, which can hardly use a PDF
    ordered = sorted(FORMATS, key=lambda form: form == "pdf")
    takes_all = best_match(accept, ("x/x",)) is not None
    offered = [form for form in ordered if not (form == "html" and takes_all)]
    best = best_match(accept, tuple(FORMATS[form] for form in offered))
    return next((form for form in offered if FORMATS[form] == best), "png")


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
