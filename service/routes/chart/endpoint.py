"""`GET /chart`: the picture, and the numbers it is drawn from."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from litestar import Request, get
from litestar.response.base import ASGIResponse

from service.charts.answering import AnyFormat, Found, make_tag
from service.charts.drawing.picture import AXIS_ROOM, Picture, columns, default_height, panels
from service.charts.drawing.wording import default_title
from service.period.steps import Period, check_bars, make_period, widen
from service.routes.chart.caching import headers, is_known, kept_until, timing
from service.routes.chart.chart_parameters import FORMATS, Asked, check_pixels, read_asked
from service.routes.chart.openapi import ChartOperation
from service.routes.context import Context
from service.routes.parameters import best_match, takes_gzip

TABLES = ("json", "csv")
PACKED = ("svg", "html", "json", "csv", "vega")
"""Formats that gzip makes smaller."""


@get("/chart", operation_id="chart", operation_class=ChartOperation, tags=["chart"])
async def chart(request: Request[Any, Any, Any]) -> ASGIResponse:
    """Bars of plan and fact per minute over the last hour, or as the parameters say."""
    # An answer of 304 is nearly all that a wall of dashboards asks for: what it costs is counted in microseconds,
    # and so the headers are looked up once, and nothing is injected.
    context: Context = request.app.state.context
    asked, given = read_asked(tuple(request.query_params.multi_items())), request.headers
    form = asked.form or _format(given.get("accept", "*/*"))
    now = datetime.now(UTC)
    period = _period(asked, form, context.zone, now)
    found = await context.charts.find(period, asked.agg, asked.series, asked.panels)
    picture = _picture(asked, context.time_format, found, period, now)
    check_pixels(asked, picture.height)
    check_bars(period, max(1, len(found.numbers.panels)))
    packed = form in PACKED and takes_gzip(given.get("accept-encoding"))
    tag = make_tag(found, picture, form, asked.scale, packed=packed)
    until = kept_until(asked, picture, now, lambda then: _period(asked, form, context.zone, then))
    if is_known(tag, given.getall("if-none-match", ())):
        known = {"ETag": tag, **headers(picture, form, now, until), **timing(found, None)}
        return ASGIResponse(status_code=304, headers=known)
    body = await context.charts.body(tag, picture, form, asked.scale, packed=packed)
    encoding = {"Content-Encoding": "gzip"} if packed else {}
    whole = {"ETag": tag, **headers(picture, form, now, until), **encoding, **timing(found, body)}
    return ASGIResponse(body=body.data, media_type=FORMATS[form], headers=whole)


def _picture(asked: Asked, time_format: str, found: Found, period: Period, now: datetime) -> Picture:
    drawn = panels(found.numbers, asked.series) if asked.split else found.numbers.panels
    return Picture(
        numbers=found.numbers,
        period=period,
        title=asked.title or default_title(asked.agg, asked.series),
        time_format=asked.time_format or time_format,
        agg=asked.agg,
        width=asked.width,
        height=asked.height or default_height(asked.width, max(1, len(drawn))),
        theme=asked.theme,
        threshold=asked.threshold,
        unfinished=period.unfinished(now),
        split=asked.split,
        asked_step=asked.step if asked.step != period.step else None,
        series=asked.series,
        title_given=asked.title is not None,
    )


@lru_cache(maxsize=256)
def _format(accept: str) -> AnyFormat:
    """By the Accept header; a browser that opens the address takes everything, and is shown the picture."""
    # who takes any application/… is a program, and no printer
    ordered = sorted(FORMATS, key=lambda form: form == "pdf")
    takes_all = best_match(accept, ("x/x",)) is not None
    offered = [form for form in ordered if not (form == "html" and takes_all)]
    best = best_match(accept, tuple(FORMATS[form] for form in offered))
    return next((form for form in offered if FORMATS[form] == best), "png")


def _period(asked: Asked, form: AnyFormat, zone: str, now: datetime) -> Period:
    """A step that is asked for is what a table has; a picture has a longer one where it is too narrow to be seen."""
    most = asked.panels or 1
    width = asked.width // columns(asked.width, most)
    period = make_period(asked.start, asked.until, asked.step, asked.tz or zone, now, width, most)
    check_bars(period)  # that of the panels follows, when it is known how many there are
    return period if form in TABLES else widen(period, width - AXIS_ROOM)
