"""The addresses that clients of InfluxDB 1, 2 and 3 write to; these clients work unmodified.

Addresses, parameters, status codes and error bodies are those of https://docs.influxdata.com/influxdb/v1/tools/api/,
https://docs.influxdata.com/influxdb/v2/api/ and https://docs.influxdata.com/influxdb3/core/api/. Parameters without a
meaning here are ignored, as InfluxDB does. Unlike in InfluxDB, a body is one batch, of which all lines are written or
none; `partial=true` writes the good lines. For version 3 the parameter is `accept_partial`, which is true by default,
as in InfluxDB.
"""

from functools import partial as partial_of
from time import perf_counter
from typing import Annotated, Any

from litestar import Request, post
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import OpenAPIResponse
from litestar.params import HeaderParameter, QueryParameter

from service.access.grants import Scope
from service.intake.bodies import inflate, keep
from service.intake.formats.line_protocol import NANOSECONDS, LineReader
from service.intake.gate import Gate
from service.intake.packer import Packer
from service.intake.reading import now_microseconds
from service.metrics import Metrics
from service.routes.authentication import needs
from service.routes.influx.answers import HEADERS, handlers
from service.routes.openapi_answers import INFLUX_PROBLEMS, WRITING, answering, headers
from service.routes.openapi_bodies import LINES
from service.routes.parameters import batch_key, choice
from service.routes.senders import sender_of

V1_PRECISIONS = tuple(NANOSECONDS)
V2_PRECISIONS = ("ns", "us", "ms", "s")
AUTO = "auto"
"""Version 3's default precision: the size of each timestamp tells its unit."""
V3_NAMES = {"nanosecond": "ns", "microsecond": "us", "millisecond": "ms", "second": "s"}
V3_PRECISIONS = (AUTO, *V3_NAMES, *V3_NAMES.values(), "u", "n")

_Key = Annotated[
    str | None,
    HeaderParameter(name="Idempotency-Key", description="Id of the batch; sending it again is then harmless."),
]
_Precision = Annotated[str, QueryParameter(description="What the timestamps count; by default nanoseconds.")]
_Partial = Annotated[str, QueryParameter(description="`true`: write the good lines; 400 then tells of the others.")]
_V3Precision = Annotated[str, QueryParameter(description=f"What the timestamps count: {AUTO}, {', '.join(V3_NAMES)}.")]
_AcceptPartial = Annotated[str, QueryParameter(description="`false`: write all lines or none.")]
_BOOLEANS = ("true", "false")


_DESCRIBED = answering(
    {
        204: OpenAPIResponse(
            description="The lines are committed.",
            headers=headers(
                X_Influxdb_Version="A version whose clients can write here.", X_Influxdb_Build="`Taktline`."
            ),
        )
    },
    WRITING,
    INFLUX_PROBLEMS,
    body=LINES,
)


def write_routes(gate: Gate, metrics: Metrics, max_body: int) -> list[HTTPRouteHandler]:
    """The routes that clients of each version write to; a body may have `max_body` bytes."""
    write = partial_of(_write, gate, max_body)

    @post(
        "/write",
        status_code=204,
        response_headers=HEADERS,
        exception_handlers=handlers(1, metrics, max_body),
        operation_class=_DESCRIBED,
        operation_id="writeInfluxV1",
        tags=["readings"],
        opt=needs(Scope.WRITE),
    )
    async def write_v1(
        request: Request[Any, Any, Any],
        key: _Key = None,
        precision: _Precision = "ns",
        partial: _Partial = "false",
    ) -> None:
        """Write line protocol, as to InfluxDB 1. 204 means committed."""
        unit = NANOSECONDS[choice("precision", precision or "ns", V1_PRECISIONS)]
        await write(request, key, unit, some=choice("partial", partial, _BOOLEANS) == "true")

    @post(
        "/api/v2/write",
        status_code=204,
        response_headers=HEADERS,
        exception_handlers=handlers(2, metrics, max_body),
        operation_class=_DESCRIBED,
        operation_id="writeInfluxV2",
        tags=["readings"],
        opt=needs(Scope.WRITE),
    )
    async def write_v2(
        request: Request[Any, Any, Any],
        key: _Key = None,
        precision: _Precision = "ns",
        partial: _Partial = "false",
    ) -> None:
        """Write line protocol, as to InfluxDB 2. 204 means committed."""
        unit = NANOSECONDS[choice("precision", precision or "ns", V2_PRECISIONS)]
        await write(request, key, unit, some=choice("partial", partial, _BOOLEANS) == "true")

    @post(
        "/api/v3/write_lp",
        status_code=204,
        response_headers=HEADERS,
        exception_handlers=handlers(3, metrics, max_body),
        operation_class=_DESCRIBED,
        operation_id="writeInfluxV3",
        tags=["readings"],
        opt=needs(Scope.WRITE),
    )
    async def write_v3(
        request: Request[Any, Any, Any],
        key: _Key = None,
        precision: _V3Precision = AUTO,
        accept_partial: _AcceptPartial = "true",
    ) -> None:
        """Write line protocol, as to InfluxDB 3. 204 means committed."""
        named = choice("precision", precision or AUTO, V3_PRECISIONS)
        unit = NANOSECONDS.get(V3_NAMES.get(named, named))
        await write(request, key, unit, some=choice("accept_partial", accept_partial, _BOOLEANS) == "true")

    return [write_v1, write_v2, write_v3]


async def _write(
    gate: Gate, max_body: int, request: Request[Any, Any, Any], key: str | None, unit: int | None, *, some: bool
) -> None:
    began, batch_id = perf_counter(), batch_key(key)
    entrance = gate.enter_at_once(sender_of(request))
    # In InfluxDB a point that is sent twice is one point, on which its clients rely when they send a body again.
    packer = Packer(entrance.rules, now_microseconds(), batch_id, own_id=True, partial=some)
    reader, share, encoding = LineReader(packer, unit), entrance.share, request.headers.get("content-encoding", "")
    with entrance.hold as hold:
        async for piece in inflate(request.stream(), encoding, max_body, share, hold):
            await share.do(reader.feed(piece))
            keep(hold, packer.size)
        packed, bad = await share.do(reader.finish())
    await entrance.offer(packed)
    entrance.acknowledged(perf_counter() - began)
    if bad is not None:
        raise bad
