"""`GET /`: the live page, for people; `GET /live`: what keeps it moving."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Stream

from service.live import PERIODS, WIDTHS, View
from service.period import check_zone
from service.routes.choosing import Series
from service.routes.context import Context
from service.routes.forms import tidied
from service.routes.onward import from_live
from service.routes.parameters import choice, known_only, series_names, wanted, whole_number
from service.routes.shown import page

ADDRESSES = {
    "chart": "/chart",
    "records": "/display",
    "readings": "/readings",
    "live": "/live",
    "openapi": "/schema",
    "ready": "/readyz",
    "metrics": "/metrics",
}
PARAMETERS = ("period", "series", "tz")
DEFAULT = "today"
BROWSER_RETRY = b"retry: 1500\n\n"
"""Milliseconds until a browser comes back after the connection broke."""

PeriodName = Annotated[str | None, QueryParameter(description=f"{', '.join(PERIODS)}.")]
Zone = Annotated[str | None, QueryParameter(description="IANA time zone of day and times.")]


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
    known_only(request, PARAMETERS, repeatable=["series"])
    view = _view(context, period, series, tz, max(WIDTHS))
    look = await context.feed.now(view)
    values = {
        "view": view,
        "tz": tz or "",
        "shown": look.shown,
        "names": await context.store.series.names(),
        "zone": ZoneInfo(view.zone),
        "zone_of_service": context.zone,
        "periods": PERIODS,
        "default": DEFAULT,
        "host": request.headers.get("host", "localhost:8080"),
        "scheme": request.url.scheme,
        **from_live(view.period, view.series, tz or ""),
    }
    return page(context, "home.html", values, {"Cache-Control": "no-cache"})


@get("/live", operation_id="live", tags=["records"])
async def live(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    period: PeriodName = None,
    series: Series = None,
    tz: Zone = None,
    width: Annotated[str | None, QueryParameter(description="Pixels that the chart may be wide.")] = None,
) -> Stream:
    """Server-sent events: `whole`, all that the live page shows; `change`, what is new in it; `beat`, nothing new."""
    known_only(request, (*PARAMETERS, "width"), repeatable=["series"])
    room = whole_number("width", width, 1, 100_000) if width else max(WIDTHS)
    view = _view(context, period, series, tz, max((one for one in WIDTHS if one <= room), default=min(WIDTHS)))
    context.feed.admit()
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return Stream(_events(context, view), media_type="text/event-stream", headers=headers)


async def _events(context: Context, view: View) -> AsyncIterator[bytes]:
    yield BROWSER_RETRY
    async with aclosing(context.feed.watch(view)) as texts:
        async for text in texts:
            yield text


def _view(context: Context, period: str | None, series: list[str] | None, tz: str | None, width: int) -> View:
    names = series_names([name for name in series or () if name]) or []
    return View(
        choice("period", period or DEFAULT, PERIODS),
        tuple(sorted(set(names))),
        check_zone(tz or context.zone),
        width,
    )
