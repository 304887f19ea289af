"""Of several replicas, one does the maintenance; when it ends, another one does."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chaos.proxy import Way
from service.store.leadership import Leadership
from service.store.migrate import search_path
from tests.conftest import Engine, settings_for
from tests.database import connected
from tests.faults import proxied
from tests.harness import running, until

pytestmark = pytest.mark.anyio

LEADING = """
    select pid
    from pg_locks
    where locktype = 'advisory' and granted
      and (classid::bigint << 32 | objid::bigint) =
        hashtextextended('taktline lead ' || current_setting('search_path'), 0)
"""


@pytest.fixture(autouse=True)
def _replicas(engine: Engine) -> None:
    if engine.server.embedded:
        pytest.skip("the embedded engine has a single service and a single session")


@asynccontextmanager
async def candidate(engine: Engine, schema: str) -> AsyncIterator[Leadership]:
    made = Leadership(engine.url, search_path(schema, engine.server), engine.server, pause=0.05)
    task = asyncio.create_task(made.keep())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.wait((task,))


async def test_one_leads_and_another_takes_over(engine: Engine, schema: str) -> None:
    async with candidate(engine, schema) as first:
        await until(lambda: first.leads)
        async with candidate(engine, schema) as second, candidate(engine, f"{schema}_b") as elsewhere:
            await until(lambda: elsewhere.leads)
            assert (first.leads, second.leads) == (True, False)
            async with connected(engine, schema) as con:
                [pid] = [row["pid"] for row in await con.fetch(LEADING)]
                state = "select backend_xmin is null and backend_xid is null from pg_stat_activity where pid = $1"
                async with asyncio.timeout(5):  # it has a snapshot just while it gives a sign of life
                    while not await con.fetchval(state, pid):  # noqa: ASYNC110
                        await asyncio.sleep(0.003)
                await con.execute("select pg_terminate_backend($1)", pid)
                await until(lambda: not first.leads)
                await until(lambda: first.leads or second.leads)
                assert [row["pid"] for row in await con.fetch(LEADING)] != [pid]
    assert not first.leads
    async with candidate(engine, schema) as third:
        await until(lambda: third.leads)


async def test_a_replica_that_stops_leaves_the_lead_at_once(engine: Engine, schema: str) -> None:
    async with running(settings_for(engine, schema)), connected(engine, schema) as con:
        async with asyncio.timeout(10):
            while not await con.fetch(LEADING):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    async with candidate(engine, schema) as next_one:
        await until(lambda: next_one.leads, 2)


async def test_a_server_that_ends_with_its_connection_still_there(engine: Engine, schema: str) -> None:
    """The driver then doesn't know what it was doing, and says so by an error of its own."""
    async with proxied(engine) as (between, url):

        def tamper(way: Way, chunk: bytes) -> None:
            if way is Way.OUT and b"57P01" in chunk:
                between.forget()

        made = Leadership(url, search_path(schema, engine.server), engine.server, pause=0.05)
        task = asyncio.create_task(made.keep())
        try:
            await until(lambda: made.leads)
            between.tamper = tamper
            async with connected(engine, schema) as con:
                [pid] = [row["pid"] for row in await con.fetch(LEADING)]
                await con.execute("select pg_terminate_backend($1)", pid)
            await until(lambda: not made.leads or task.done())
            await until(lambda: made.leads or task.done())
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.wait((task,))
