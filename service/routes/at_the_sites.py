"""The addresses of a Taktline that a view over several sites doesn't answer, since it keeps nothing itself; and
`GET /`, which there says where things are."""

from typing import Any

from litestar import Request, Response, get
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler, route

from service.access.grants import Scope
from service.errors import AtTheSites
from service.routes.authentication import needs
from service.routes.html_pages import Pages
from service.routes.openapi_answers import READING, answering, response
from service.routes.openapi_schemas import TEXT, an_object
from service.routes.parameters import requested_format

ELSEWHERE = {
    "/readings": (HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT, HttpMethod.DELETE),
    "/corrections": (HttpMethod.GET,),
    "/display": (HttpMethod.GET,),
    "/check": (HttpMethod.GET,),
    "/board": (HttpMethod.GET,),
    "/live": (HttpMethod.GET,),
    "/live/series": (HttpMethod.GET,),
    "/buckets": (HttpMethod.GET,),
    "/write": (HttpMethod.POST,),
    "/api/v2/write": (HttpMethod.POST,),
    "/api/v3/write_lp": (HttpMethod.POST,),
    "/query": (HttpMethod.GET, HttpMethod.POST),
}
"""What only a site answers."""
ADDRESSES = {"chart": "/chart", "openapi": "/schema", "ready": "/readyz", "metrics": "/metrics"}
_PLACES = an_object(dict.fromkeys(ADDRESSES, TEXT), title="Addresses")
_HOME = answering(
    {
        200: response("Where things are.", {"application/json": _PLACES}),
        303: response("For people: to the chart.", {}),
    },
    READING,
)


def at_the_sites_routes() -> list[HTTPRouteHandler]:
    """The routes of what only a site answers."""
    return [_refusing(path, methods) for path, methods in ELSEWHERE.items()]


def _refusing(path: str, methods: tuple[HttpMethod, ...]) -> HTTPRouteHandler:
    @route(path, http_method=list(methods), include_in_schema=False, opt=needs(), status_code=200)
    async def at_the_sites() -> None:
        """Raises AtTheSites."""
        raise AtTheSites

    return at_the_sites


def federated_home_route(pages: Pages) -> HTTPRouteHandler:
    @get("/", operation_id="home", operation_class=_HOME, tags=["chart"], opt=needs(Scope.READ))
    async def home(request: Request[Any, Any, Any]) -> Response[Any]:
        """Where things are; a browser is sent to the chart of the last hour."""
        if requested_format(request, None, {"html": "text/html", "json": "application/json"}, "json") == "json":
            return Response({name: pages.at(path) for name, path in ADDRESSES.items()}, headers={"Vary": "Accept"})
        chart = pages.at(pages.speaking_anyhow(request).keep("/chart?format=html"))
        return Response(None, status_code=303, headers={"Location": chart, "Vary": "Accept"})

    return home
