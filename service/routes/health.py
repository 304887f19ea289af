"""Is it alive, is it ready, what does it count: for orchestrators and Prometheus."""

from typing import Any

from litestar import Response, get
from litestar.di import NamedDependency

from service.errors import Unavailable
from service.problems import MEDIA_TYPE, plain_problem
from service.routes.context import Context
from service.store import Job


@get("/livez", operation_id="livez", tags=["operation"])
async def livez() -> dict[str, str]:
    """The process answers; nothing else is looked at."""
    return {"status": "ok"}


@get("/readyz", operation_id="readyz", tags=["operation"])
async def readyz(context: NamedDependency[Context]) -> Response[dict[str, Any]]:
    """Engine, schema and writer are ready; 503 says what is not.

    Where the engine's background jobs don't succeed, the status is `degraded`, still with 200: everything is answered,
    and exactly, only more slowly as time goes by.
    """
    state = context.engine_state()
    why = context.writer.stalled or ("The service is shutting down." if context.writer.closed else None)
    if why is None:
        try:
            await context.store.ping()
        except Unavailable as exc:
            why = exc.detail
    if why is not None:
        context.metrics.refused("/readyz", "not_ready")
        told = {**plain_problem(503, why), **state}
        return Response(told, status_code=503, media_type=MEDIA_TYPE, headers={"Retry-After": "1"})
    troubles = context.watch.troubles()
    told = {"status": "degraded", "detail": " ".join(troubles)} if troubles else {"status": "ready"}
    return Response({**told, **state, "jobs": [_described(job) for job in context.watch.jobs()]})


def _described(job: Job) -> dict[str, Any]:
    return {
        "id": job.id,
        "policy": job.policy,
        "relation": job.relation,
        "every": job.every.total_seconds(),
        "state": job.state,
        "last_success": job.succeeded,
        "last_success_by_service": job.by_service,
        "failures": job.failures,
        "error": job.error,
    }


@get("/metrics", operation_id="metrics", tags=["operation"])
async def metrics(context: NamedDependency[Context]) -> Response[bytes]:
    """Counters and latencies in Prometheus's text format."""
    return Response(context.metrics.exposition(), media_type="text/plain; version=0.0.4")
