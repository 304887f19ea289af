"""What clients of InfluxDB expect to find, in its versions 1 and 2: they write here unmodified.

Addresses, parameters, status codes and error bodies as in https://docs.influxdata.com/influxdb/v1/tools/api/ and
https://docs.influxdata.com/influxdb/v2/api/. Parameters that we have no use for are ignored, as InfluxDB does.
Unlike InfluxDB we write a body as one batch, all lines or none; `partial=true` writes the good ones, as InfluxDB does.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from litestar import HttpMethod, MediaType, Request, Response, get, post, route
from litestar.di import NamedDependency
from litestar.exceptions import HTTPException
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import HeaderParameter, QueryParameter
from litestar.types import ExceptionHandlersMap

from service.bodies import inflate, too_large
from service.errors import BadRequest, TaktlineError, TooFast
from service.line_protocol import NANOSECONDS, BadLine, LineReader
from service.packing import Packer
from service.problems import headers
from service.readings import now_microseconds
from service.routes.context import Context
from service.routes.parameters import batch_key, choice

HEADERS = {"X-Influxdb-Version": "2.7.0-taktline", "X-Influxdb-Build": "Taktline"}
"""The version whose manners these are: some clients look before they write."""
V1_PRECISIONS = tuple(NANOSECONDS)
V2_PRECISIONS = ("ns", "us", "ms", "s")
CODES = {
    400: "invalid",
    404: "not found",
    405: "method not allowed",
    413: "request too large",
    415: "unsupported media type",
    422: "unprocessable entity",
    429: "too many requests",
    503: "unavailable",
}
"""Version 2's names of what went wrong, by status."""
MAX_HEADER = 400
"""Characters of an error that go into a header."""

_CREATE = re.compile(r"\s*create\s+(database|retention\s+policy)\b", re.IGNORECASE)
_Key = Annotated[
    str | None,
    HeaderParameter(name="Idempotency-Key", description="Id of the batch; sending it again is then harmless."),
]
_Precision = Annotated[str, QueryParameter(description="What the timestamps count; by default nanoseconds.")]
_Partial = Annotated[str, QueryParameter(description="`true`: write the good lines; 400 then tells of the others.")]


@dataclass
class WriteLines(Operation):
    """The operation that takes line protocol."""

    def __post_init__(self) -> None:
        example = "reading,series=line\\ 1 plan=40,fact=38 1700000000000000000\n"
        text = OpenAPIMediaType(schema=Schema(type=OpenAPIType.STRING), example=example)
        self.request_body = RequestBody(required=True, content={"text/plain": text})


def _handlers(*, v2: bool) -> ExceptionHandlersMap:
    """Errors as this version words them; each is counted."""

    def refuse(request: Request[Any, Any, Any], error: TaktlineError) -> Response[dict[str, Any]]:
        if isinstance(error, BadLine):
            count(request, error.reason, error.dropped)
            return answer(400, error.detail, {}, error.line)
        count(request, error.reason)
        return answer(error.status, error.detail, headers(error))

    def http_problem(request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
        if error.status_code == 413:
            return refuse(request, too_large(request.app.state.context.max_body))
        count(request, f"http_{error.status_code}")
        return answer(error.status_code, error.detail, error.headers or {})

    def count(request: Request[Any, Any, Any], reason: str, times: int = 1) -> None:
        context: Context = request.app.state.context
        context.metrics.refused(request.scope.get("path_template") or "unknown", reason, times)

    def answer(status: int, detail: str, extra: Mapping[str, str], line: int | None = None) -> Response[dict[str, Any]]:
        code = CODES.get(status, "internal error")
        body: dict[str, Any] = {"code": code, "message": detail} if v2 else {"error": detail}
        if v2 and line is not None:
            body["line"] = line
        told = {"X-Influxdb-Error": _one_line(detail), "X-Platform-Error-Code": code}
        return Response(body, status_code=status, media_type=MediaType.JSON, headers={**HEADERS, **told, **dict(extra)})

    return {TaktlineError: refuse, HTTPException: http_problem}


@post(
    "/write",
    status_code=204,
    response_headers=HEADERS,
    exception_handlers=_handlers(v2=False),
    operation_class=WriteLines,
    operation_id="writeInfluxV1",
    tags=["readings"],
)
async def write_v1(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    key: _Key = None,
    precision: _Precision = "ns",
    partial: _Partial = "false",
) -> None:
    """Write line protocol, as to InfluxDB 1. 204 means committed."""
    unit = NANOSECONDS[choice("precision", precision or "ns", V1_PRECISIONS)]
    await _write(request, context, key, unit, partial)


@post(
    "/api/v2/write",
    status_code=204,
    response_headers=HEADERS,
    exception_handlers=_handlers(v2=True),
    operation_class=WriteLines,
    operation_id="writeInfluxV2",
    tags=["readings"],
)
async def write_v2(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    key: _Key = None,
    precision: _Precision = "ns",
    partial: _Partial = "false",
) -> None:
    """Write line protocol, as to InfluxDB 2. 204 means committed."""
    unit = NANOSECONDS[choice("precision", precision or "ns", V2_PRECISIONS)]
    await _write(request, context, key, unit, partial)


async def _write(request: Request[Any, Any, Any], context: Context, key: str | None, unit: int, partial: str) -> None:
    some = choice("partial", partial, ["true", "false"]) == "true"
    batch_id = batch_key(key)
    address = request.client.host if request.client else ""
    if seconds := context.rates.wait(address):
        raise TooFast(seconds)
    # In InfluxDB a point sent twice is one point, and its clients rely on that when they send a body again.
    packer = Packer(context.rules, now_microseconds(), batch_id, own_id=True)
    reader = LineReader(packer, unit, partial=some)
    async for piece in inflate(request.stream(), request.headers.get("content-encoding", ""), context.max_body):
        reader.feed(piece)
    packed, bad = reader.finish()
    answer = context.writer.offer(packed)
    context.rates.take(address, packed.count)
    await answer
    if bad is not None:
        raise bad


@get("/ping", status_code=204, response_headers=HEADERS, include_in_schema=False)
async def ping() -> None:
    """What both versions answer while they are up."""


@get("/health", response_headers=HEADERS, include_in_schema=False)
async def health(context: NamedDependency[Context]) -> Response[dict[str, Any]]:
    """What version 2 answers; for orchestrators there are /livez and /readyz."""
    why = context.writer.stalled or ("shutting down" if context.writer.closed else None)
    body: dict[str, Any] = {
        "name": "taktline",
        "message": why or "ready for queries and writes",
        "status": "fail" if why else "pass",
        "checks": [],
        "version": HEADERS["X-Influxdb-Version"],
        "commit": "",
    }
    return Response(body, status_code=503 if why else 200)


@route(
    "/query",
    http_method=[HttpMethod.GET, HttpMethod.POST],
    status_code=200,
    response_headers=HEADERS,
    exception_handlers=_handlers(v2=False),
    include_in_schema=False,
)
async def query(request: Request[Any, Any, Any]) -> dict[str, Any]:
    """Clients of version 1 create their database before they write: there is nothing to create, so it is done."""
    statement = request.query_params.get("q") or (await request.form()).get("q")
    if not isinstance(statement, str) or not _CREATE.match(statement):
        raise BadRequest("error parsing query: only CREATE DATABASE is answered here; read from /chart and /readings")
    return {"results": [{"statement_id": 0}]}


def _one_line(text: str) -> str:
    """Text as a header may hold it."""
    shown = text.encode("ascii", "replace").decode()
    return "".join(char if char.isprintable() else " " for char in shown)[:MAX_HEADER]
