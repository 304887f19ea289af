"""`/livez`, `/readyz` and `/metrics`, for orchestrators and Prometheus."""

import asyncio
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Schema

from service.access.grants import Scope
from service.alerts.figures import Figures
from service.crew import Crew
from service.errors import Forbidden, Unavailable
from service.intake.writer import Writer
from service.metrics import Metrics
from service.problems import MEDIA_TYPE, plain_problem
from service.routes.authentication import needs
from service.routes.openapi_answers import OPEN, READING, SIGN_IN, answering, response
from service.routes.openapi_schemas import TEXT, an_object, schema
from service.routes.senders import grant_of
from service.routes.visible_series import patterns_of
from service.store import Job, Store
from service.store.database import DatabaseServer
from service.store.database_hosts import DatabaseHosts
from service.upkeep.job_watch import JobWatch
from service.upkeep.lag_watch import LagWatch


def _states(*states: str) -> dict[str, Schema | None]:
    """The content of an answer that says which of these states it is."""
    return {"application/json": an_object({"status": schema("string", enum=list(states))})}


_ALIVE = answering({200: response("It is alive.", _states("ok"))}, OPEN)
_READY = answering({200: response("It is ready.", _states("ready", "degraded"))}, OPEN)
_COUNTED = answering({200: response("The metrics.", {"text/plain": TEXT}), 303: SIGN_IN}, READING)


@get("/livez", operation_id="livez", operation_class=_ALIVE, tags=["operation"], opt=needs())
async def livez() -> dict[str, str]:
    """The process answers; nothing else is looked at."""
    return {"status": "ok"}


def readyz_route(
    store: Store,
    writer: Writer,
    watch: JobWatch,
    schema_name: str,
    hosts: DatabaseHosts,
    metrics: Metrics,
    crew: Crew | None,
) -> HTTPRouteHandler:
    @get("/readyz", operation_id="readyz", operation_class=_READY, tags=["operation"], opt=needs())
    async def readyz(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        """Engine, schema and writer are ready; 503 says what is not.

        Where the engine's background jobs don't succeed, not all workers run, or a standby can't be read from, the
        status is `degraded`, still with 200: everything is answered, and exactly, only more slowly as time goes by.
        Which engine it is, and what its jobs and standbys do, is for callers who may do anything at all.
        """
        known = bool(grant_of(request).scopes)
        state = _engine(store.server, hosts, schema_name) | _workers(crew) if known else {}
        why = writer.stalled or ("The service is shutting down." if writer.closed else None)
        why = why or store.inventory.lacking
        if why is None:
            why = await (_slow(writer.slow, store) if writer.slow else _unanswered(store))
        if why is not None:
            metrics.refused("/readyz", "not_ready")
            body = {**plain_problem(503, why if known else "The service isn't ready."), **state}
            return Response(body, status_code=503, media_type=MEDIA_TYPE, headers={"Retry-After": "1"})
        standbys = store.standbys()
        troubles = [*watch.troubles(), *(one.trouble for one in standbys if one.trouble is not None)]
        if crew is not None and crew.trouble:
            troubles.append(crew.trouble)
        body = {"status": "degraded", "detail": " ".join(troubles)} if troubles else {"status": "ready"}
        return Response(
            {**body, **state, "standbys": standbys, "jobs": [_described(job) for job in watch.jobs()]}
            if known
            else {"status": body["status"]}
        )

    return readyz


def _engine(server: DatabaseServer, hosts: DatabaseHosts, schema_name: str) -> dict[str, Any]:
    """Facts about the database."""
    return {
        "engine": "embedded" if server.embedded else "server",
        "note": "a trial engine: use a TimescaleDB server for data you would miss" if server.embedded else None,
        "host": hosts.in_use,
        "edition": server.edition,
        "timescaledb": server.timescaledb,
        "postgresql": server.postgresql,
        "durable": server.durable,
        "schema": schema_name,
    }


def _workers(crew: Crew | None) -> dict[str, Any]:
    """How many workers there should be, and how many take connections; nothing where there is one process."""
    return {} if crew is None else {"workers": {"wanted": crew.standing.wanted, "ready": crew.standing.ready}}


async def _slow(why: str, store: Store) -> str:
    """Why readings have waited for so long, and who keeps them waiting, if the database says so."""
    try:
        blockers = await store.blockers.find()
    except Unavailable as exc:
        return f"{why} {exc.detail}"
    return " ".join([why, *map(str, blockers)])


async def _unanswered(store: Store) -> str | None:
    """Why the database can't be used at the moment; None where it can."""
    try:
        await store.ping()
    except Unavailable as exc:
        return exc.detail
    return None


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


def metrics_route(counters: Metrics, figures: Figures, lags: LagWatch, crew: Crew | None) -> HTTPRouteHandler:
    @get("/metrics", operation_id="metrics", operation_class=_COUNTED, tags=["operation"], opt=needs(Scope.READ))
    async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
        """Counters and latencies in Prometheus's text format, for callers who may see all series: they count the
        readings of all of them. Of several workers, whichever is asked answers for all."""
        if patterns_of(grant_of(request)) is not None:
            raise Forbidden("These count the readings of all series, of which this key may see some.")
        await asyncio.gather(figures.refresh(), lags.refresh())
        together = None if crew is None else await crew.together()
        return Response(counters.exposition(together), media_type="text/plain; version=0.0.4")

    return metrics
