"""Refreshes at the same time by others: a job of TimescaleDB's, another replica, or a person.

The embedded engine has a single session, in which there are no conflicts. So procedures that are found before
TimescaleDB's own raise its errors for the first few calls.
"""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeAlias

import asyncpg
import pytest

from service.errors import Unavailable
from service.intake.batch import Receipt
from service.intake.reading import now_microseconds
from service.store import Store, open_store
from service.store.conflicts import insist
from service.store.migrate import migrate, search_path
from service.store.queries import query
from tests.batches import packed, reading
from tests.conftest import Engine, run_jobs
from tests.database import rollup_counts

pytestmark = pytest.mark.anyio

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"
REFRESHING = ("55P03", 'could not refresh continuous aggregate "minute_rollup" due to a concurrent refresh')
CONFLICTS = [
    REFRESHING,
    ("XX000", "tuple concurrently deleted"),
    ("XX000", "tuple concurrently updated"),
    ("40P01", "deadlock detected"),
    ("40001", "could not serialize access due to concurrent update"),
]


@pytest.fixture
async def con(engine: Engine, schema: str) -> AsyncIterator[Connection]:
    await migrate(engine.url, schema, engine.server, lambda _: None)
    opened = await asyncpg.connect(engine.url, server_settings={"search_path": search_path(schema, engine.server)})
    try:
        yield opened
    finally:
        await opened.close()


@pytest.fixture
async def store(engine: Engine, schema: str, con: Connection) -> AsyncIterator[Store]:
    async with open_store(engine.url, search_path(schema, engine.server), engine.server) as opened:
        yield opened


async def refuse(con: Connection, times: int, state: str, message: str) -> None:
    """Create a function that raises this error so many times, and then does nothing. It counts with a sequence, which
    no rollback resets."""
    await con.execute("create sequence if not exists refused")
    await con.execute(f"""
        create or replace function refuse() returns void language plpgsql as $$
        begin
          if nextval('refused') <= {times} then
            raise exception using errcode = '{state}', message = '{message}';
          end if;
        end
        $$
    """)


async def tried(con: Connection) -> int:
    count: int = await con.fetchval("select last_value from refused")
    return count


@pytest.mark.parametrize(("state", "message"), CONFLICTS)
async def test_whoever_is_in_the_way_is_waited_for(con: Connection, state: str, message: str) -> None:
    await refuse(con, 2, state, message)
    await insist(partial(con.execute, "select refuse()"))
    assert await tried(con) == 3


@pytest.mark.parametrize(("state", "message"), [("XX000", "something else"), ("22012", "division by zero")])
async def test_what_is_no_conflict_is_not_tried_again(con: Connection, state: str, message: str) -> None:
    await refuse(con, 2, state, message)
    with pytest.raises(asyncpg.PostgresError, match=message):
        await insist(partial(con.execute, "select refuse()"))
    assert await tried(con) == 1


async def test_patience_ends(con: Connection) -> None:
    await refuse(con, 1000, *REFRESHING)
    with pytest.raises(asyncpg.LockNotAvailableError):
        await insist(partial(con.execute, "select refuse()"), 0.3)
    assert 2 <= await tried(con) <= 10


async def test_late_readings_are_refreshed_beside_somebody_else(store: Store, con: Connection) -> None:
    if store.server.edition != "community":
        pytest.skip("the Apache edition has nothing to refresh")
    ts = now_microseconds() - 200 * 60 * 10**6
    await store.batches.write([packed(None, reading(ts=ts))], Receipt())
    await refuse(con, 3, *REFRESHING)
    await con.execute(f"""
        create procedure refresh_continuous_aggregate(
          rollup regclass, first timestamptz, until timestamptz, options jsonb
        )
        language plpgsql as $$
        begin
          perform refuse();
          call {store.server.extension_schema}.refresh_continuous_aggregate(rollup, first, until, options => options);
        end
        $$
    """)
    assert await store.rollups.refresh_late() == 1
    assert await con.fetchval("select count(*) from late_minute") == 0
    assert await con.fetchval("select sum(readings) from minute_rollup") == 1
    assert await tried(con) > 4


async def test_jobs_are_run_beside_somebody_else(store: Store, con: Connection) -> None:
    if store.server.edition != "community":
        pytest.skip("the Apache edition has no jobs")
    await refuse(con, 2, *REFRESHING)
    await con.execute(f"""
        create procedure run_job(job integer) language plpgsql as $$
        begin
          perform refuse();
          call {store.server.extension_schema}.run_job(job);
        end
        $$
    """)
    jobs = await run_jobs(store)
    assert await tried(con) == jobs + 2


@pytest.mark.parametrize("head", ["", "-- no-transaction\n"])
async def test_an_upgrade_waits_for_a_job_that_is_at_work(
    engine: Engine, schema: str, con: Connection, folder: Path, head: str
) -> None:
    """Both for a statement in a transaction and for one outside of any."""
    await refuse(con, 2, *REFRESHING)
    (folder / "schema" / "900_refresh.sql").write_text(f"{head}select refuse()\n")
    applied = await migrate(engine.url, schema, engine.server, lambda _: None, folder)
    assert applied[0] == "schema/900_refresh.sql"
    assert await tried(con) == 3


async def test_several_refresh_at_once(store: Store, engine: Engine, schema: str) -> None:
    """Late readings of many days are refreshed by two replicas, by hand, and by the jobs at the same time."""
    if store.server.edition != "community" or store.server.embedded:
        pytest.skip("here nobody else can refresh: the engine has one session, or nothing to refresh")
    now = now_microseconds()
    late = [reading(ts=now - (3 + number) * 600 * 10**6) for number in range(2000)]
    await store.batches.write([packed(None, *late)], Receipt())

    async def by_hand() -> None:
        path = search_path(schema, engine.server)
        one = await asyncpg.connect(engine.url, server_settings={"search_path": path})
        try:
            until = datetime.now(UTC) - timedelta(minutes=3)
            for _ in range(3):
                await insist(partial(one.execute, query("refresh_rollup"), "minute_rollup", None, until))
        finally:
            await one.close()

    try:
        await asyncio.gather(store.rollups.refresh_late(), store.rollups.refresh_late(), by_hand(), by_hand())
    except Unavailable as exc:
        pytest.fail(f"refused for good: {exc}")
    assert await rollup_counts(engine, schema) == [2000] * 3
