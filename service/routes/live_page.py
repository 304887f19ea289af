"""`GET /`: the live page, for people."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from service.access.grants import Scope
from service.errors import BadRequest
from service.languages.language import Language
from service.live.live_feed import LiveFeed
from service.live.spans import periods
from service.metrics import Metrics
from service.routes.authentication import needs
from service.routes.defaults import Defaults
from service.routes.forms import PICKED, message_beside, tidied
from service.routes.html_pages import Pages
from service.routes.live_parameters import CHOICES, DEFAULT, DESCRIBED, PARAMETERS, LiveParameters
from service.routes.openapi_answers import READING, SIGN_IN, answering, response
from service.routes.openapi_schemas import TEXT, an_object
from service.routes.page_links import from_live
from service.routes.parameters import MAX_CHOSEN, known_only, requested_format
from service.routes.senders import caller_of, grant_of

ADDRESSES = {
    "chart": "/chart",
    "board": "/board",
    "records": "/display",
    "readings": "/readings",
    "corrections": "/corrections",
    "live": "/live",
    "openapi": "/schema",
    "ready": "/readyz",
    "metrics": "/metrics",
}
FIELDS = ("period", "from", "until", "series", "tz", *CHOICES)
"""Parameters with a field in the form, beside which an error can be shown."""
INSTEAD = {"period": ("from", "until")}
"""A form without scripts sends the ends that were shown as well, when one of the periods is chosen instead."""
HEADERS = {"Cache-Control": "no-cache"}
AT_SITES = ("records", "readings", "corrections")
"""Those of them that only a site has, where several are seen together."""
_PLACES = an_object(dict.fromkeys(ADDRESSES, TEXT), optional=AT_SITES, title="Addresses")
_DESCRIBED = answering(
    {
        200: response("The page; for programs, where things are.", {"text/html": TEXT, "application/json": _PLACES}),
        303: SIGN_IN,
    },
    READING,
    parameters=DESCRIBED,
)


def home_route(
    feed: LiveFeed,
    pages: Pages,
    defaults: Defaults,
    metrics: Metrics,
    addresses: Mapping[str, str] = ADDRESSES,
) -> HTTPRouteHandler:
    """The route of the live page; `addresses` are where things are."""

    @get("/", operation_id="home", operation_class=_DESCRIBED, tags=["records"], opt=needs(Scope.READ))
    async def home(request: Request[Any, Any, Any]) -> Response[Any]:
        """The live page: chart, totals and newest records of a period. For programs, where things are."""
        if requested_format(request, None, {"html": "text/html", "json": "application/json"}, "json") == "json":
            return Response({name: pages.at(path) for name, path in addresses.items()}, headers={"Vary": "Accept"})
        if (plain := tidied(request, pages.at("/"), PARAMETERS, PICKED, INSTEAD)) is not None:
            return plain
        asked, grant = LiveParameters.of(list(request.query_params.multi_items())), grant_of(request)
        speaks = pages.speaking_anyhow(request)
        values = {**_values(request, asked, defaults), "may_write": pages.may_note(grant)}
        try:
            known_only(request, PARAMETERS, repeatable=["series"])
            pages.speaking(request)
            view = asked.view(defaults, grant, speaks.code)
        except BadRequest as error:
            metrics.refused("/", error.reason)
            wrong = {**values, **_faulty(error, speaks.language), "zone": ZoneInfo(defaults.zone)}
            return await pages.form("home.html", wrong, speaks, grant, HEADERS, error.status)
        snapshot = await feed.page(view, caller_of(request))
        seen = {"content": snapshot.content, "zone": ZoneInfo(view.zone), "newest": snapshot.fresh.newest}
        return await pages.form("home.html", {**values, **seen}, speaks, grant, HEADERS)

    return home


def _values(request: Request[Any, Any, Any], asked: LiveParameters, defaults: Defaults) -> dict[str, Any]:
    return {
        "asked": asked,
        "newest": None,
        "chosen": dict(asked.chosen),
        "has_shifts": bool(defaults.shifts),
        "periods": periods(defaults.shifts),
        "default": DEFAULT,
        "most_series": MAX_CHOSEN,
        "host": request.headers.get("host", "localhost:8080"),
        "scheme": request.url.scheme,
        **from_live(asked.span, asked.series, asked.tz, asked.tz or defaults.zone, asked.chosen),
    }


def _faulty(error: BadRequest, language: Language) -> dict[str, Any]:
    """The values for a page that shows only the form, with the error beside the field at fault."""
    faults = {fault.field: message_beside(fault, language) for fault in error.faults if fault.field in FIELDS}
    return {"content": None, "faults": faults, "notice": "" if faults else language.say(error.detail)}
