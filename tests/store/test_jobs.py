"""TimescaleDB's background jobs: failing ones are reported, and late ones are run by the service.

The embedded engine never runs a job by itself. On a server with background workers, the job of these tests fails unless
the service runs it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeAlias

import asyncpg
import msgspec
import pytest
from structlog.testing import capture_logs

from service.store import Job, Store, open_store
from service.store.migrate import search_path
from service.upkeep.job_watch import JobWatch
from tests.conftest import Engine
from tests.database import connected
from tests.harness import Running

pytestmark = pytest.mark.anyio
Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

FAILS = "raise exception 'the disk is full'"
FAILS_ON_THE_SERVER = f"if current_setting('application_name') <> 'taktline' then {FAILS}; end if"
WORKS = "null"


@pytest.fixture(autouse=True)
def _only_where_there_are_jobs(engine: Engine) -> None:
    if engine.server.edition != "community":
        pytest.skip("the Apache edition has no background jobs")


@pytest.fixture
async def con(engine: Engine, schema: str) -> AsyncIterator[Connection]:
    async with connected(engine, schema) as con:
        yield con


async def add_job(con: Connection, store: Store, body: str) -> None:
    """Add a job that the service has known for an hour, and that is due every second."""
    await define(con, body)
    await con.execute("select add_job('sweep', interval '1 second')")
    await store.jobs.all()
    await con.execute(
        "update job_run set known_since = now() - interval '1 hour' from timescaledb_information.jobs "
        "where job = job_id and proc_name = 'sweep'"
    )


async def define(con: Connection, body: str) -> None:
    await con.execute(
        f"create or replace procedure sweep(job_id integer, config jsonb) language plpgsql as $$ begin {body}; end $$"
    )


async def sweep(store: Store) -> Job:
    return next(job for job in await store.jobs.all() if job.policy == "sweep")


async def until(watch: JobWatch, condition: Callable[[], bool]) -> None:
    """Repeat rounds until the condition holds, since the server's own worker may be running the job at the moment."""
    async with asyncio.timeout(30):
        while True:
            await watch.round()
            if condition():
                return
            await asyncio.sleep(0.1)


@asynccontextmanager
async def with_workers(engine: Engine, service: Running) -> AsyncIterator[Store]:
    """A store that takes the engine for one with background workers; the embedded engine has none."""
    server = msgspec.structs.replace(engine.server, embedded=False)
    schema = service.parts.settings.database_schema
    async with open_store(engine.url, search_path(schema, engine.server), server) as opened:
        yield opened


def told(state: dict[str, Any]) -> dict[str, Any]:
    return next(job for job in state["jobs"] if job["policy"] == "sweep")


async def test_ready_tells_of_every_job(fresh: Running) -> None:
    await fresh.parts.watch.round()
    state = (await fresh.http.get("/readyz")).json()
    assert state["status"] == "ready"
    jobs = {(job["policy"], job["relation"]): job for job in state["jobs"]}
    assert set(jobs) == {
        ("columnstore", "reading"),
        *(("refresh", f"{unit}_rollup") for unit in ("minute", "quarter", "hour", "day")),
        ("refresh", "quarter_total"),
    }
    assert jobs["refresh", "minute_rollup"]["every"] == 60
    if fresh.parts.store.server.embedded:
        assert {job["error"] for job in jobs.values()} == {None}
        assert {job["state"] for job in jobs.values()} == {"ok"}
        assert all(job["last_success_by_service"] for job in jobs.values())


async def test_a_job_that_fails_is_seen_everywhere(fresh: Running, con: Connection) -> None:
    """It is reported in /readyz, which stays 200, in /metrics, and once in the log; and so is its recovery."""
    store, watch = fresh.parts.store, fresh.parts.watch
    await add_job(con, store, FAILS)
    with capture_logs() as logs:
        await until(watch, lambda: bool(watch.troubles()))
        await watch.look()
    answer = await fresh.http.get("/readyz")
    state = answer.json()
    assert (answer.status_code, state["status"], told(state)["state"]) == (200, "degraded", "late")
    assert "job sweep" in state["detail"]
    assert "the disk is full" in state["detail"]
    assert "the disk is full" in told(state)["error"]
    assert told(state)["last_success"] is None
    assert [one["log_level"] for one in logs if one["event"] == "a background job is in trouble"] == ["warning"]
    number = told(state)["id"]
    metrics = (await fresh.http.get("/metrics")).text
    assert f'taktline_job_trouble{{id="{number}",policy="sweep",relation=""}} 1.0' in metrics
    [age] = [
        line for line in metrics.splitlines() if line.startswith(f'taktline_job_success_age_seconds{{id="{number}"')
    ]
    assert 3600 <= float(age.split()[-1]) < 3700
    assert 'taktline_job_failures_total{id="' in metrics
    await define(con, WORKS)
    # the server's own worker would only try again in some minutes
    await con.execute("select alter_job($1, next_start => now())", number)
    with capture_logs() as logs:
        await until(watch, lambda: not watch.troubles())
    assert "a background job is well again" in [one["event"] for one in logs]
    assert (await fresh.http.get("/readyz")).json()["status"] == "ready"


async def test_what_the_server_doesnt_get_done_is_run_by_the_service(
    engine: Engine, fresh: Running, con: Connection
) -> None:
    """The job is still reported, because somebody has to find out why it fails."""
    async with with_workers(engine, fresh) as store:
        await add_job(con, store, FAILS_ON_THE_SERVER)
        watch = JobWatch(store)
        said = "TimescaleDB's job sweep succeeds only when the service runs it."
        await until(watch, lambda: any(trouble.startswith(said) for trouble in watch.troubles()))
        job = await sweep(store)
        assert job.succeeded is None
        assert job.age < 60


async def test_a_job_that_isnt_late_is_left_to_the_server(engine: Engine, fresh: Running) -> None:
    async with with_workers(engine, fresh) as store:
        await JobWatch(store).round()
        assert {job.by_service for job in await store.jobs.all()} == {None}


async def test_a_job_that_somebody_has_paused_is_left_alone(engine: Engine, fresh: Running, con: Connection) -> None:
    async with with_workers(engine, fresh) as store:
        await add_job(con, store, FAILS)
        await con.execute("select alter_job($1, scheduled => false)", (await sweep(store)).id)
        watch = JobWatch(store)
        await until(watch, lambda: {job.state for job in watch.jobs() if job.policy == "sweep"} == {"paused"})
        assert watch.troubles() == []
        assert (await sweep(store)).by_service is None


async def test_one_replica_at_a_time_runs_a_job(fresh: Running, con: Connection) -> None:
    store = fresh.parts.store
    await add_job(con, store, WORKS)
    job = await sweep(store)
    assert sorted(await asyncio.gather(*(store.jobs.run(job) for _ in range(3)))) == [False, False, True]
    assert not await store.jobs.run(job)
    assert await store.jobs.run(await sweep(store))


async def test_a_run_that_was_cut_off_is_taken_over(fresh: Running, con: Connection) -> None:
    store = fresh.parts.store
    await add_job(con, store, WORKS)
    job = await sweep(store)
    for ago, free in ((timedelta(minutes=14), False), (timedelta(minutes=16), True)):
        await con.execute("update job_run set begun = now() - $1::interval where job = $2", ago, job.id)
        assert await store.jobs.run(job) is free
