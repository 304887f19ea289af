"""`/readyz` and `/metrics` of a view over several sites."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from service.access.grants import Scope
from service.metrics import Metrics
from service.problems import MEDIA_TYPE, plain_problem
from service.routes.authentication import needs
from service.routes.openapi_answers import OPEN, READING, SIGN_IN, answering, response
from service.routes.openapi_schemas import TEXT, an_object, schema
from service.routes.senders import grant_of

_STATE = {"application/json": an_object({"status": schema("string", enum=["ready", "degraded"])})}
_READY = answering({200: response("It is ready.", _STATE)}, OPEN)
_COUNTED = answering({200: response("The metrics.", {"text/plain": TEXT}), 303: SIGN_IN}, READING)


def federated_readyz_route(
    names: Sequence[str], away: Callable[[], Mapping[str, str]], metrics: Metrics
) -> HTTPRouteHandler:
    """The route of readiness; `away` returns the sites that are away, each with why."""

    @get("/readyz", operation_id="readyz", operation_class=_READY, tags=["operation"], opt=needs())
    async def readyz(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """At least one site answers; 503 where none does. Where some don't, the status is `degraded`, still with 200.
        Which sites there are, and why one is away, is for callers who may do anything at all."""
        lacking, known = away(), bool(grant_of(request).scopes)
        sites = {"sites": [{"name": name, "away": lacking.get(name)} for name in names]} if known else {}
        why = " ".join(lacking.values()) if known else ""
        if len(lacking) == len(names):
            metrics.refused("/readyz", "not_ready")
            body = {**plain_problem(503, why or "No site answers."), **sites}
            return Response(body, status_code=503, media_type=MEDIA_TYPE, headers={"Retry-After": "5"})
        status = {"status": "degraded"} if lacking else {"status": "ready"}
        return Response({**status, **({"detail": why} if why else {}), **sites})

    return readyz


def federated_metrics_route(metrics: Metrics) -> HTTPRouteHandler:
    @get("/metrics", operation_id="metrics", operation_class=_COUNTED, tags=["operation"], opt=needs(Scope.READ))
    async def exposition() -> Response[bytes]:
        """Counters and latencies in Prometheus's text format."""
        return Response(metrics.exposition(), media_type="text/plain; version=0.0.4")

    return exposition
