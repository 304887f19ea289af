"""`GET /chart`: the chart as a picture or as numbers."""

from datetime import UTC, datetime
from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.response.base import ASGIResponse

from service.access.grants import Scope
from service.charts.answering import Charts
from service.charts.question import TABLES, Delivery
from service.period.kept import Keeping
from service.routes.authentication import needs
from service.routes.chart.asking import asking, kept_asking, within_second
from service.routes.chart.caching import chart_headers, known_tags
from service.routes.chart.chart_parameters import FORMATS, ChartParameters, kept_parameters, read_parameters
from service.routes.chart.formats import format_of
from service.routes.chart.openapi import ChartOperation
from service.routes.defaults import Defaults
from service.routes.edge.headers import header_lines
from service.routes.parameters import takes_gzip
from service.routes.senders import caller_of, grant_of
from service.routes.short_keys import SHORT
from service.routes.speaking import Speaking, unasked
from service.routes.visible_series import series_shown

PACKED = ("svg", "html", "json", "csv", "vega")
"""The formats that are worth compressing with gzip."""


def chart_route(charts: Charts, defaults: Defaults, kept: Keeping) -> HTTPRouteHandler:
    """The route of charts; `kept` returns from when on rollups are kept."""

    @get("/chart", operation_id="chart", operation_class=ChartOperation, tags=["chart"], opt=needs(Scope.READ))
    async def chart(request: Request[Any, Any, Any]) -> ASGIResponse:
        """Bars of plan and fact per minute over the last hour, or as the parameters say."""
        # Where many dashboards reload charts, nearly every answer is a 304, where microseconds count. So an object with
        # all headers isn't made, and what a short address asks is worked out once a second.
        accept = ",".join(header_lines(request.scope, b"accept")) or "*/*"
        short = len(request.scope["query_string"]) <= SHORT
        given = tuple(request.query_params.multi_items())
        parameters = (kept_parameters if short else read_parameters)(given, defaults.longest_name)
        form = format_of(parameters, accept)
        packed = form in PACKED and takes_gzip(",".join(header_lines(request.scope, b"accept-encoding")))
        now = datetime.now(UTC)
        series = series_shown(parameters.series, grant_of(request))
        ask, moment = (kept_asking, within_second(now)) if short else (asking, now)
        # tables are the same in every language
        speaks = Speaking() if form in TABLES else _speaking(request, parameters, defaults)
        found = ask(parameters, form, series, defaults, speaks.code, moment, kept(series))
        known = known_tags(header_lines(request.scope, b"if-none-match"))
        delivery = Delivery(form, parameters.scale, packed, known, parameters.excel, caller_of(request))
        answer = await charts.answer(found.question, delivery)
        headers = chart_headers(answer, form, now, found.keep_until, speaks)
        if answer.body is None:
            return ASGIResponse(status_code=304, headers=headers)
        if packed:
            headers["Content-Encoding"] = "gzip"
        return ASGIResponse(body=answer.body.data, media_type=FORMATS[form], headers=headers)

    return chart


def _speaking(request: Request[Any, Any, Any], parameters: ChartParameters, defaults: Defaults) -> Speaking:
    asked = parameters.lang
    return Speaking(asked, is_asked=True) if asked else unasked(request.scope, defaults.language)
