"""`GET /chart`: the picture, and the numbers it is drawn from."""

from datetime import UTC, datetime
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from service.buckets import Bucket
from service.chart import Picture
from service.period import STEPS, Period, check_bars, check_zone, make_period
from service.routes.context import Context
from service.routes.parameters import choice, known_only, series_names, wanted

FORMATS = {"png": "image/png", "svg": "image/svg+xml", "json": "application/json"}
AGGREGATES = ("sum", "avg", "min", "max", "last")
PARAMETERS = ("from", "until", "tz", "step", "agg", "series", "format")
WIDTH, HEIGHT = 960, 480


@get("/chart", operation_id="chart", tags=["chart"])
async def chart(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    start: Annotated[
        str | None, QueryParameter(name="from", description="Begin: RFC 3339, epoch, now-2h, -2h.")
    ] = None,
    until: Annotated[str | None, QueryParameter(description="End, written like `from`; by default now.")] = None,
    tz: Annotated[str | None, QueryParameter(description="IANA time zone of the period and the axis.")] = None,
    step: Annotated[str | None, QueryParameter(description=f"Length of a bucket: {', '.join(STEPS)}.")] = None,
    agg: Annotated[str, QueryParameter(description=f"What a bar shows: {', '.join(AGGREGATES)}.")] = "sum",
    series: Annotated[list[str] | None, QueryParameter(description="Only these series; repeatable.")] = None,
    form: Annotated[str | None, QueryParameter(name="format", description=f"{', '.join(FORMATS)}.")] = None,
) -> Response[Any]:
    """Bars of plan and fact per minute over the last hour, or as the parameters say."""
    known_only(request, PARAMETERS, repeatable=["series"])
    form = wanted(request, form, FORMATS, "png")
    choice("agg", agg, AGGREGATES)
    names = series_names(series)
    period = make_period(start, until, step, check_zone(tz or context.zone), datetime.now(UTC), WIDTH)
    check_bars(period)
    buckets = await context.store.buckets.read(period, agg, names)
    if form == "json":
        return Response(numbers(period, agg, buckets), headers=_HEADERS)
    picture = Picture(tuple(buckets), period, title(agg, names), context.time_format, WIDTH, HEIGHT)
    data = await context.renderer.draw(picture, "svg" if form == "svg" else "png")
    return Response(data, media_type=FORMATS[form], headers=_HEADERS)


_HEADERS = {"Cache-Control": "no-cache", "Vary": "Accept", "X-Content-Type-Options": "nosniff"}


def numbers(period: Period, agg: str, buckets: list[Bucket]) -> dict[str, object]:
    """The chart as numbers: what is drawn, and over which period."""
    return {
        "from": period.start,
        "until": period.end,
        "step": period.step,
        "tz": period.zone,
        "agg": agg,
        "buckets": buckets,
    }


def title(agg: str, series: list[str] | None) -> str:
    """What the picture shows, in words."""
    what = {
        "sum": "Plan and fact",
        "avg": "Plan and fact, average",
        "min": "Plan and fact, smallest",
        "max": "Plan and fact, largest",
        "last": "Plan and fact, last",
    }[agg]
    match series:
        case None:
            return what
        case [one]:
            return f"{what}: {one}"
        case _:
            return f"{what}: {len(series)} series"
