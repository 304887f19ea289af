"""The views reading_minute, reading_quarter and so on, for those who query the database directly."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from service.intake.batch import Receipt
from service.intake.reading import Reading
from service.store import Store
from service.store.migrate import search_path
from tests.batches import packed
from tests.conftest import Engine

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("unit", ["minute", "quarter", "hour", "day"])
async def test_a_refresh_during_a_long_query_hides_nothing(
    store: Store, engine: Engine, schema: str, unit: str
) -> None:
    """What a query sees of the rollups, and how far it takes them to be materialised, is of one moment."""
    if engine.server.edition != "community":
        pytest.skip("there are no rollups on the Apache edition")
    running = datetime.now(UTC).replace(second=0, microsecond=0)
    await _write(store, *(running - minutes * MINUTE for minutes in range(2, 30)))
    await _refresh(engine, schema, running - 8 * MINUTE)
    con = await asyncpg.connect(engine.url, server_settings={"search_path": search_path(schema, engine.server)})
    await con.execute("delete from late_minute")
    await _write(store, *(running - minutes * MINUTE for minutes in range(9, 20)))  # late
    try:
        asked = f"select (select sum(readings) from reading_{unit}) from pg_sleep(1.5)"
        asking = asyncio.create_task(con.fetchval(asked))
        await asyncio.sleep(0.5)
        await _refresh(engine, schema, running - 3 * MINUTE)
        assert await asking == 28 + 11
        async with con.transaction(isolation="repeatable_read"):
            await con.fetchval("select count(*) from reading")
            await _refresh(engine, schema, running - 1 * MINUTE)
            assert await con.fetchval(f"select sum(readings) from reading_{unit}") == 28 + 11
    finally:
        await con.close()


async def _write(store: Store, *times: datetime) -> None:
    readings = [Reading(round(ts.timestamp() * 1e6), "line", 1, 1, None) for ts in times]
    await store.batches.write([packed(None, *readings)], Receipt())


async def _refresh(engine: Engine, schema: str, until: datetime) -> None:
    con = await asyncpg.connect(engine.url, server_settings={"search_path": search_path(schema, engine.server)})
    try:
        await con.execute("call refresh_continuous_aggregate('minute_rollup', null, $1::timestamptz)", until)
    finally:
        await con.close()
