"""Who keeps the service's transactions waiting."""

import asyncio

import pytest

from service.store import open_store
from service.store.migrate import migrate, search_path
from tests.conftest import Engine
from tests.database import connected

pytestmark = pytest.mark.anyio

WAITING = "select count(*) from pg_stat_activity where $1 = any(pg_blocking_pids(pid))"


async def test_a_session_is_named_once_however_many_wait_for_it(engine: Engine, schema: str) -> None:
    if engine.server.embedded:
        pytest.skip("the embedded engine has a single session")
    await migrate(engine.url, schema, engine.server, lambda _: None)
    async with (
        connected(engine, schema) as holder,
        connected(engine, schema) as watcher,
        open_store(engine.url, search_path(schema, engine.server), engine.server) as store,
    ):
        waiting = []
        async with holder.transaction():
            await holder.execute("lock table reading in access exclusive mode")
            waiting += [asyncio.create_task(store.records.newest(1)) for _ in range(3)]
            async with asyncio.timeout(10):
                while await watcher.fetchval(WAITING, holder.get_server_pid()) < len(waiting):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            [blocker] = await store.blockers.find()
            assert f"Session {holder.get_server_pid()} " in str(blocker)
        await asyncio.gather(*waiting)
