"""`GET /check`: whether plan and fact are as they should be, told by the status of the answer."""

from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Parameter

from service.access.grants import Scope
from service.alerts.checking import Checked, Checking
from service.alerts.finding import Finding
from service.alerts.question import read_question
from service.alerts.rules import KEYS
from service.limits.fair_line import FairLine
from service.routes.authentication import needs
from service.routes.chart.chart_parameters import KNOWN as OF_CHARTS
from service.routes.defaults import Defaults
from service.routes.openapi_answers import READING, SIGN_IN, answering, response
from service.routes.openapi_schemas import INSTANT, NUMBER_OR_NULL, TEXT, an_object, schema
from service.routes.parameters import known_names, series_names
from service.routes.senders import caller_of, grant_of
from service.routes.visible_series import series_shown

NOT_OK = 409
"""The status where something is as it shouldn't be: no success, so that every monitor sees it, and none of those from
500 on, by which a balancer would take the service itself for broken."""
_NUMBERS = ("behind", "plan", "fact", "ahead")
_OWN = {
    "behind": (
        "By how much the fact may be behind the plan that is due: a number, or a share of that plan.",
        schema("string", example="10%"),
    ),
    "for": (
        "For how long it must have been further behind, up to `1d`.",
        schema("string", default="0s", example="5m"),
    ),
    "stale": (
        "For how long no fact may come where one is due, from `1m` to `1d`.",
        schema("string", example="5m"),
    ),
    "split": (
        "`series`: each series by itself.",
        schema("string", enum=["series", "none"], default="none"),
    ),
}
_INSTANT_OR_NULL = schema(["string", "null"], format="date-time")
_BOOLEAN = schema("boolean")
_FOUND = {"since": _INSTANT_OR_NULL, **dict.fromkeys(_NUMBERS, NUMBER_OR_NULL), "newest_fact": _INSTANT_OR_NULL}
_ONE = an_object({"series": TEXT, "ok": _BOOLEAN, "detail": TEXT, **_FOUND}, title="SeriesCheck")
_CHECK = an_object(
    {
        "ok": _BOOLEAN,
        "detail": TEXT,
        **_FOUND,
        "from": INSTANT,
        "until": INSTANT,
        "tz": TEXT,
        "due_until": INSTANT,
        "series": schema("array", items=_ONE, description="With `split=series`, in the place of numbers."),
    },
    optional=(*_NUMBERS, "newest_fact", "series"),
    title="Check",
)
_OPERATION = answering(
    {
        200: response("All is as it should be.", {"application/json": _CHECK}),
        NOT_OK: response("It isn't; `detail` says what, and `since` since when.", {"application/json": _CHECK}),
        303: SIGN_IN,
    },
    READING,
    parameters=[
        Parameter(name=name, param_in="query", description=text, schema=described, required=False)
        for name, (text, described) in (
            (name, _OWN[name] if name in _OWN else (OF_CHARTS[name].text, OF_CHARTS[name].described)) for name in KEYS
        )
    ],
)


def check_route(checking: Checking, reading: FairLine, defaults: Defaults) -> HTTPRouteHandler:
    """The route of checks; `reading` is the line in which callers wait for the database."""

    @get("/check", operation_id="check", operation_class=_OPERATION, tags=["chart"], opt=needs(Scope.READ))
    async def check(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Whether plan and fact of the running shift, or of today, are as they should be: 200, or 409 where they
        aren't."""
        given = [(name, value) for name, value in request.query_params.multi_items() if value.strip()]
        known_names([name for name, _ in given], KEYS, repeatable=["series"])
        names = series_names([value for name, value in given if name == "series"])
        series = series_shown(tuple(dict.fromkeys(names)) if names else None, grant_of(request))
        question = read_question({name: value for name, value in given if name != "series"}, defaults.zone, series)
        question.period(datetime.now(UTC), defaults.shifts)  # what can't be read needn't wait
        async with reading.turn((caller_of(request),)):
            found = await checking.check(question, datetime.now(UTC))
        return Response(
            msgspec.json.encode(_as_json(found, split=question.split)),
            status_code=200 if found.ok else NOT_OK,
            media_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    return check


def _as_json(found: Checked, *, split: bool) -> dict[str, Any]:
    made: dict[str, Any] = {"ok": found.ok, "detail": found.detail, "since": found.since}
    if split:
        made["series"] = [{"series": one.series, **_fields(one)} for one in found.findings]
    else:
        made.update(_fields(found.findings[0]))
    period = found.period
    return {**made, "from": period.start, "until": period.end, "tz": period.zone, "due_until": found.due}


def _fields(found: Finding) -> dict[str, Any]:
    names = ("ok", "detail", "since", *_NUMBERS, "newest_fact")
    return {name: getattr(found, name) for name in names}
