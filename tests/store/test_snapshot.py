"""How a state of the database that several queries see begins, on the engine of the tests."""

import asyncpg
import pytest

from service.store.snapshot import begin_snapshot
from tests.conftest import Engine

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("before", ["select", "begin; select"])
async def test_a_snapshot_begins_where_the_server_has_run_a_query_of_its_own(engine: Engine, before: str) -> None:
    """A query in an open transaction has the effect that TimescaleDB's own look at the catalog has."""
    con = await asyncpg.connect(engine.url)
    try:
        await con.execute(f"{before} count(*) from pg_class")
        await begin_snapshot(con)
        assert await con.fetchval("show transaction_isolation") == "repeatable read"
        assert await con.fetchval("show transaction_read_only") == "on"
        await con.execute("commit")
    finally:
        await con.close()
