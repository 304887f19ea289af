"""`GET /buckets`: the numbers of a chart as they are added up with those of other sites."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import OpenAPIResponse
from litestar.response.base import ASGIResponse

from service.access.grants import Scope
from service.charts.answering import Charts
from service.charts.legible import check_bars, check_increases
from service.errors import bad_parameter
from service.period.bucket import BucketQuestion, Running
from service.period.earlier import Earlier
from service.period.kept import Kept
from service.period.open_hours import open_hours
from service.period.running import running_totals
from service.period.shift_rules import Minutes
from service.period.shifts import Interval
from service.period.steps import Period, make_period
from service.period.times import parse_time
from service.routes.authentication import needs
from service.routes.chart.caching import known_tags
from service.routes.chart.chart_parameters import ADDED_UP
from service.routes.chart.chart_parameters import KNOWN as OF_CHARTS
from service.routes.chart.values import text, whole
from service.routes.described_parameters import Described, in_openapi, read_fields
from service.routes.edge.headers import header_lines
from service.routes.openapi_answers import READING, SIGN_IN, answering, headers, response
from service.routes.openapi_schemas import INSTANT, NUMBER_OR_NULL, TEXT, WHOLE, an_object, schema
from service.routes.senders import caller_of, grant_of
from service.routes.visible_series import series_shown

MOST_PANELS = 100
"""The most series that are told apart."""
LOOKED_BACK = timedelta(days=2)
"""The longest time before the period from which on totals may run: a shift, or a day, of which it is the rest."""


LONGEST_LOOK = timedelta(weeks=10)
"""The longest time in which the newest facts are looked for. A board looks nine weeks back at most, as moment_before()
of service/period/working_times.py does."""


class BucketParameters(msgspec.Struct, frozen=True):
    """The parameters of an address; None where a parameter is missing."""

    start: str | None = None
    until: str | None = None
    step: str = "1m"
    tz: str = "UTC"
    hours: Minutes | None = None
    days: tuple[int, ...] | None = None
    agg: str = "sum"
    series: tuple[str, ...] | None = None
    panels: int | None = None
    plan: Earlier | None = None
    totals: str | None = None
    due: str | None = None
    facts: str | None = None


_TIME = schema("string", example="2026-01-31T14:00Z")
KNOWN = {
    "from": msgspec.structs.replace(OF_CHARTS["from"], text="Begin, written as for `/chart`; required."),
    "until": msgspec.structs.replace(OF_CHARTS["until"], text="End, written like `from`; required."),
    **{name: OF_CHARTS[name] for name in ("step", "tz", "hours", "days", "agg", "series", "plan")},
    "panels": Described(
        "panels",
        whole(1, MOST_PANELS),
        "Each series by itself, at most so many of them; those with the fewest readings are put together.",
        schema("integer", minimum=1, maximum=MOST_PANELS),
    ),
    "totals": Described(
        "totals",
        text,
        "Running totals, from where on: `period`, `day`, or times with commas between, at each of which they begin "
        "anew.",
        schema("string", example="period"),
    ),
    "due": Described("due", text, "With `totals`: the minutes before this are due; required then.", _TIME),
    "facts": Described(
        "facts",
        text,
        "Begin and end with a comma between: the time in which the newest fact of each panel is looked for.",
        schema("string", example="2026-01-31T06:00Z,2026-01-31T14:00Z"),
    ),
}
_BUCKET = an_object(
    {
        "bucket": INSTANT,
        "plan": NUMBER_OR_NULL,
        "fact": NUMBER_OR_NULL,
        "readings": WHOLE,
        "plan_count": schema("integer", minimum=0, description="With `agg=avg`: of how many plans it is the average."),
        "fact_count": WHOLE,
        "due_plan": schema(["number", "null"], description="With `totals`: the plan of minutes that are due."),
        "due_fact": NUMBER_OR_NULL,
        "plan_total": schema("number"),
        "fact_total": NUMBER_OR_NULL,
        "due_total": schema("number"),
        "ahead": NUMBER_OR_NULL,
    },
    optional=(
        "plan_count",
        "fact_count",
        "due_plan",
        "due_fact",
        "plan_total",
        "fact_total",
        "due_total",
        "ahead",
    ),
    title="SiteBucket",
)
_PANEL = an_object(
    {
        "name": schema(["string", "null"], description="The series; null for all of them, or for the `others`."),
        "others": schema(["integer", "null"], description="How many series were put together here."),
        "buckets": schema("array", items=_BUCKET),
        "newest": schema(
            ["string", "null"],
            format="date-time",
            description="With `facts`: the end of the minute of the newest one; null where there is none.",
        ),
    },
    title="SitePanel",
)
_INSTANT_OR_NULL = schema(["string", "null"], format="date-time")
_NUMBERS = an_object(
    {
        "panels": schema("array", items=_PANEL),
        "until": schema(
            ["string", "null"], format="date-time", description="The end of the minute of the newest fact."
        ),
        "notes": schema("array", items=an_object({"ts": INSTANT, "series": TEXT, "note": TEXT}, title="SiteNote")),
        "since": _INSTANT_OR_NULL,
        "kept": an_object(
            dict.fromkeys(Kept.__struct_fields__, _INSTANT_OR_NULL),
            description="From when on readings, minutes, quarters, hours and days are kept; null: from the beginning.",
            title="SiteKept",
        ),
        "installation": schema(
            ["string", "null"],
            description="The same where it is the same schema of the same database; null where that isn't known.",
        ),
    },
    title="SiteNumbers",
)
_TAGGED = headers(ETag="A tag of the numbers.", Cache_Control="`no-cache`.")
_OPERATION = answering(
    {
        200: response("The numbers.", {"application/json": _NUMBERS}, _TAGGED),
        303: SIGN_IN,
        304: OpenAPIResponse(description="They are those of the tag.", headers=_TAGGED),
    },
    READING,
    parameters=in_openapi(KNOWN),
)


def site_buckets_route(charts: Charts, kept: Callable[[], Kept], installation: str | None) -> HTTPRouteHandler:
    """The route of numbers for a service over several sites; `kept` returns from when on rollups are kept, and
    `installation` tells this one from all others."""

    @get("/buckets", operation_id="buckets", operation_class=_OPERATION, tags=["chart"], opt=needs(Scope.READ))
    async def buckets(request: Request[Any, Any, Any]) -> ASGIResponse:
        """The numbers of a chart, with what is needed to add them up with those of other sites.

        Averages come with their counts, plans and facts with what is due of them, and with `totals` there is a bucket
        of what counts before the period. Steps are never longer than asked for."""
        parameters = BucketParameters(**read_fields(request.query_params.multi_items(), KNOWN))
        question = _question(parameters, request)
        found = await charts.numbers_and_digest(question, caller_of(request))
        here = kept()
        content = msgspec.msgpack.encode((found.digest, here, installation))
        tag = f'W/"{hashlib.blake2b(content, digest_size=16).hexdigest()}"'
        told = {"ETag": tag, "Cache-Control": "no-cache"}
        known = known_tags(header_lines(request.scope, b"if-none-match"))
        if tag.removeprefix("W/") in known or known == ("*",):
            return ASGIResponse(status_code=304, headers=told)
        numbers: dict[str, Any] = {name: getattr(found.numbers, name) for name in ("panels", "until", "notes", "since")}
        numbers |= {"kept": here, "installation": installation}
        return ASGIResponse(body=msgspec.json.encode(numbers), media_type="application/json", headers=told)

    return buckets


def _question(asked: BucketParameters, request: Request[Any, Any, Any]) -> BucketQuestion:
    """BadRequest names the parameter that is wrong, or that doesn't go together with others."""
    for name, value in (("from", asked.start), ("until", asked.until)):
        if value is None:
            raise bad_parameter(name, "is required")
    hours = open_hours(asked.hours, asked.days)
    now = datetime.now(UTC)
    period = make_period(asked.start, asked.until, asked.step, asked.tz, now, 1, hours)
    check_bars(period, style="target")
    if asked.agg == "increase":
        check_increases(period)
    running = _running(asked, period, now)
    series = series_shown(asked.series, grant_of(request))
    facts = None if asked.facts is None else _looked_at(asked.facts, period, now)
    opening = running is not None
    return BucketQuestion(period, asked.agg, series, asked.panels, running, asked.plan, opening, facts)


def _looked_at(text: str, period: Period, now: datetime) -> Interval:
    first, comma, last = text.partition(",")
    if not comma:
        raise bad_parameter("facts", "must be two times with a comma between")
    begin, end = _whole("facts", first, period, now), _whole("facts", last, period, now)
    if not timedelta() < end - begin <= LONGEST_LOOK:
        raise bad_parameter("facts", f"must end after it begins, and within {LONGEST_LOOK.days} days of that")
    return begin, end


def _running(asked: BucketParameters, period: Period, now: datetime) -> Running | None:
    if asked.totals is None and asked.due is None:
        return None
    if asked.totals is None or asked.due is None:
        raise bad_parameter("totals" if asked.totals is None else "due", "is required")
    if asked.agg not in ADDED_UP:
        raise bad_parameter("totals", f"are of what is added up; agg is {' or '.join(ADDED_UP)} then")
    due = parse_time("due", asked.due, period.zone, now)
    if asked.totals == "period":
        return running_totals("period", period, due)
    if asked.totals == "day":
        return running_totals("day", period, due)
    begins = tuple(_whole("totals", one, period, now) for one in asked.totals.split(","))
    if not all(one < other for one, other in pairwise(begins)) or not _reaches(begins, period):
        wrong = "has times that aren't in order, or are too far from the period; the first may be two days before it"
        raise bad_parameter("totals", wrong)
    made = running_totals("period", period, due)
    return msgspec.structs.replace(made, begins=begins, each="shift")


def _whole(name: str, text: str, period: Period, now: datetime) -> datetime:
    moment = parse_time(name, text, period.zone, now)
    if moment.second or moment.microsecond:
        raise bad_parameter(name, "has a time that isn't a whole minute")
    return moment


def _reaches(begins: tuple[datetime, ...], period: Period) -> bool:
    """Whether totals run from the beginning of the period on, and from not long before it."""
    return period.start - LOOKED_BACK <= begins[0] <= period.start and begins[-1] < period.end
