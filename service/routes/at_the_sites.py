"""The addresses of a Taktline that a view over several sites doesn't answer, since it keeps nothing itself."""

from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler, route

from service.errors import AtTheSites
from service.routes.authentication import needs

ELSEWHERE = {
    "/readings": (HttpMethod.GET, HttpMethod.POST, HttpMethod.PUT, HttpMethod.DELETE),
    "/corrections": (HttpMethod.GET,),
    "/display": (HttpMethod.GET,),
    "/check": (HttpMethod.GET,),
    "/buckets": (HttpMethod.GET,),
    "/write": (HttpMethod.POST,),
    "/api/v2/write": (HttpMethod.POST,),
    "/api/v3/write_lp": (HttpMethod.POST,),
    "/query": (HttpMethod.GET, HttpMethod.POST),
}
"""What only a site answers."""


def at_the_sites_routes() -> list[HTTPRouteHandler]:
    """The routes of what only a site answers."""
    return [_refusing(path, methods) for path, methods in ELSEWHERE.items()]


def _refusing(path: str, methods: tuple[HttpMethod, ...]) -> HTTPRouteHandler:
    @route(path, http_method=list(methods), include_in_schema=False, opt=needs(), status_code=200)
    async def at_the_sites() -> None:
        """Raises AtTheSites."""
        raise AtTheSites

    return at_the_sites
