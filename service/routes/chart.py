"""`GET /chart`: the picture, and the numbers it is drawn from."""

from datetime import UTC, datetime
from typing import Any, cast

from litestar import HttpMethod, Request, Response, route
from litestar.di import NamedDependency

from service.chart.picture import Picture, columns, default_height
from service.chart.wording import default_title
from service.charts import AnyFormat, make_tag
from service.period import Period, check_bars, make_period
from service.routes.chart_answers import headers, is_known, takes_gzip, timing
from service.routes.chart_parameters import FORMATS, Asked, ChartOperation, read_asked
from service.routes.context import Context
from service.routes.parameters import wanted

PACKED = ("svg", "html", "json", "csv", "vega")
"""Formats that gzip makes smaller."""


@route(
    "/chart",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    operation_id=lambda _handler, method, _path: "chart" if method == HttpMethod.GET else "chart_head",
    operation_class=ChartOperation,
    tags=["chart"],
)
async def chart(request: Request[Any, Any, Any], context: NamedDependency[Context]) -> Response[bytes | None]:
    """Bars of plan and fact per minute over the last hour, or as the parameters say."""
    asked = read_asked(tuple(request.query_params.multi_items()))
    form = _format(request, asked)
    now = datetime.now(UTC)
    period = _period(asked, context.zone, now)
    found = await context.charts.find(period, asked.agg, asked.series, asked.panels)
    picture = Picture(
        numbers=found.numbers,
        period=period,
        title=asked.title or default_title(asked.agg, asked.series),
        time_format=asked.time_format or context.time_format,
        agg=asked.agg,
        width=asked.width,
        height=asked.height or default_height(asked.width, max(1, len(found.numbers.panels))),
        theme=asked.theme,
        threshold=asked.threshold,
        unfinished=period.step_at(now),
        split=asked.split,
    )
    packed = form in PACKED and takes_gzip(request.headers.get("accept-encoding"))
    tag = make_tag(found, picture, form, asked.scale, packed=packed)
    common = {"ETag": tag, **headers(asked, picture, form, now)}
    if is_known(tag, request.headers.get("if-none-match")):
        return Response(None, status_code=304, headers={**common, **timing(found, None)})
    body = await context.charts.body(tag, picture, form, asked.scale, packed=packed)
    encoding = {"Content-Encoding": "gzip"} if packed else {}
    return Response(body.data, media_type=FORMATS[form], headers={**common, **encoding, **timing(found, body)})


def _format(request: Request[Any, Any, Any], asked: Asked) -> AnyFormat:
    """A browser that opens the address takes everything, and is shown the picture."""
    everything = "*/*" in request.headers.get("accept", "*/*")
    offered = {name: media_type for name, media_type in FORMATS.items() if not (everything and name == "html")}
    return cast("AnyFormat", asked.form or wanted(request, None, offered, "png"))


def _period(asked: Asked, zone: str, now: datetime) -> Period:
    panels = asked.panels or 1
    width = asked.width // columns(asked.width, panels)
    period = make_period(asked.start, asked.until, asked.step, asked.tz or zone, now, width, panels)
    check_bars(period, panels)
    return period
