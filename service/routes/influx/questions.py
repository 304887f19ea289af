"""The addresses that clients of InfluxDB query before they write."""

from typing import Annotated, Any

import msgspec
from litestar import HttpMethod, Request, Response, get, route
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from service.access.grants import Scope
from service.errors import BadRequest
from service.intake.writer import Writer
from service.metrics import Metrics
from service.routes.authentication import needs
from service.routes.influx.answers import HEADERS, handlers
from service.routes.influx.influxql import MAX_QUERY, answer
from service.routes.senders import route_of

MAX_BODY = 4 * MAX_QUERY
"""The most bytes of a query's body, in which each character of ASCII may take 3."""

_Verbose = Annotated[str, QueryParameter(description="Anything but `0` and `false`: answer with the version.")]


@get(["/ping", "/status"], response_headers=HEADERS, include_in_schema=False, opt=needs())
async def ping(verbose: _Verbose = "") -> Response[dict[str, str] | None]:
    """What every version answers while it is up."""
    if verbose in ("", "0", "false"):
        return Response(None, status_code=204)
    return Response({"version": HEADERS["X-Influxdb-Version"]})


def health_route(writer: Writer) -> HTTPRouteHandler:
    @get("/health", response_headers=HEADERS, include_in_schema=False, opt=needs())
    async def health() -> Response[dict[str, Any]]:
        """What version 2 answers; for orchestrators there are /livez and /readyz."""
        why = writer.trouble or ("shutting down" if writer.closed else None)
        body: dict[str, Any] = {
            "name": "taktline",
            "message": why or "ready for queries and writes",
            "status": "fail" if why else "pass",
            "checks": [],
            "version": HEADERS["X-Influxdb-Version"],
            "commit": "",
        }
        return Response(body, status_code=503 if why else 200)

    return health


def query_route(metrics: Metrics, max_body: int) -> HTTPRouteHandler:
    @route(
        "/query",
        http_method=[HttpMethod.GET, HttpMethod.POST],
        status_code=200,
        response_headers=HEADERS,
        exception_handlers=handlers(1, metrics, min(max_body, MAX_BODY)),
        request_max_body_size=min(max_body, MAX_BODY),
        include_in_schema=False,
        opt=needs(Scope.READ, Scope.WRITE),
    )
    async def query(request: Request[Any, Any, Any]) -> dict[str, Any]:
        """Statements of version 1; the query in the address, in a form, or in JSON."""
        given: dict[str, Any] = dict(request.query_params)
        if "q" not in given:
            given = {**await _in_body(request), **given}
        statement, database = given.get("q"), given.get("db")
        result = answer(
            statement if isinstance(statement, str) else "", database if isinstance(database, str) else None
        )
        if "error" in result["results"][-1]:
            metrics.refused(route_of(request), "statement")
        return result

    return query


async def _in_body(request: Request[Any, Any, Any]) -> dict[str, Any]:
    if request.content_type[0] != "application/json":
        return dict(await request.form())
    try:
        return msgspec.json.decode(await request.body() or b"{}", type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise BadRequest(f"error parsing query: the body isn't a JSON object: {exc}") from exc
