"""`GET /`: the live page, for people."""

from typing import Any
from zoneinfo import ZoneInfo

from litestar import Request, Response, get
from litestar.di import NamedDependency

from service.errors import BadRequest
from service.live.view import PERIODS
from service.routes.context import Context
from service.routes.forms import tidied
from service.routes.html_pages import page
from service.routes.live_parameters import DEFAULT, PARAMETERS, LiveParameters, PeriodName, Zone
from service.routes.page_links import from_live
from service.routes.parameters import known_only, wanted
from service.routes.record_parameters import Series

ADDRESSES = {
    "chart": "/chart",
    "records": "/display",
    "readings": "/readings",
    "live": "/live",
    "openapi": "/schema",
    "ready": "/readyz",
    "metrics": "/metrics",
}


@get("/", operation_id="home", tags=["records"])
async def home(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    period: PeriodName = None,
    series: Series = None,
    tz: Zone = None,
) -> Response[Any]:
    """The live page: chart, totals and newest records of a period. For programs, where things are."""
    if wanted(request, None, {"html": "text/html", "json": "application/json"}, "json") == "json":
        return Response(ADDRESSES, headers={"Vary": "Accept"})
    if (plain := tidied(request, "/", PARAMETERS)) is not None:
        return plain
    asked = LiveParameters.of(period, series, tz)
    try:
        known_only(request, PARAMETERS, repeatable=["series"])
        view = asked.view(context)
    except BadRequest as error:
        context.metrics.refused("/", error.reason)
        return await _form(request, context, asked, error)
    snapshot = await context.feed.current(view)
    values = {"content": snapshot.content, "zone": ZoneInfo(view.zone), "newest": snapshot.fresh.newest}
    return await _show(request, context, asked, values)


async def _form(
    request: Request[Any, Any, Any], context: Context, asked: LiveParameters, error: BadRequest
) -> Response[Any]:
    """The page with what was asked for, the sentence that refuses it beside the field at fault, and nothing else."""
    faults = {fault.field: f"{fault.detail}." for fault in error.faults if fault.field in PARAMETERS}
    values = {
        "content": None,
        "faults": faults,
        "notice": "" if faults else error.detail,
        "zone": ZoneInfo(context.zone),
    }
    return await _show(request, context, asked, values, error.status)


async def _show(
    request: Request[Any, Any, Any], context: Context, asked: LiveParameters, values: dict[str, Any], status: int = 200
) -> Response[Any]:
    always = {
        "asked": asked,
        "faults": {},
        "notice": "",
        "newest": None,
        "names": await context.store.series.names(),
        "zone_of_service": context.zone,
        "periods": PERIODS,
        "default": DEFAULT,
        "host": request.headers.get("host", "localhost:8080"),
        "scheme": request.url.scheme,
        **from_live(asked.period, asked.series, asked.tz),
    }
    return page(context, "home.html", {**always, **values}, {"Cache-Control": "no-cache"}, status)
