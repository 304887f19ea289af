"""The views reading_minute, reading_quarter and so on, for those who query the database directly."""

import asyncio
from collections.abc import AsyncIterator
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
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
UNITS = ("minute", "quarter", "hour", "day")


@pytest.fixture
async def con(store: Store, engine: Engine, schema: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection beside readings of the last half hour, some of which are materialised, and some of these late."""
    if engine.server.edition != "community":
        pytest.skip("there are no rollups on the Apache edition")
    con = await asyncpg.connect(engine.url, server_settings={"search_path": search_path(schema, engine.server)})
    try:
        await _write(store, range(2, 30))
        await _refresh(engine, schema, 8)
        await con.execute("delete from late_minute")
        await _write(store, range(9, 20))
        yield con
    finally:
        await con.close()


@pytest.mark.parametrize("unit", UNITS)
async def test_a_refresh_during_a_long_query_hides_nothing(
    con: "asyncpg.Connection[asyncpg.Record]", engine: Engine, schema: str, unit: str
) -> None:
    """What a query sees of the rollups, and how far it takes them to be materialised, is of one moment."""
    asked = f"select (select sum(readings) from reading_{unit}) from pg_sleep(1.5)"
    asking = asyncio.create_task(con.fetchval(asked))
    await asyncio.sleep(0.5)
    await _refresh(engine, schema, 3)
    assert await asking == 28 + 11


@pytest.mark.parametrize("unit", UNITS)
async def test_a_refresh_during_a_transaction_hides_nothing(
    con: "asyncpg.Connection[asyncpg.Record]", engine: Engine, schema: str, unit: str
) -> None:
    if engine.server.embedded:
        pytest.skip("the embedded engine runs one transaction at a time")
    async with con.transaction(isolation="repeatable_read"):
        await con.fetchval("select count(*) from reading")
        await _refresh(engine, schema, 3)
        assert await con.fetchval(f"select sum(readings) from reading_{unit}") == 28 + 11


async def _write(store: Store, ages: range) -> None:
    readings = [Reading(round((NOW - age * MINUTE).timestamp() * 1e6), "line", 1, 1, None) for age in ages]
    await store.batches.write([packed(None, *readings)], Receipt())


async def _refresh(engine: Engine, schema: str, age: int) -> None:
    """Refresh the rollup of minutes up to so many minutes ago."""
    con = await asyncpg.connect(engine.url, server_settings={"search_path": search_path(schema, engine.server)})
    try:
        until = NOW - age * MINUTE
        await con.execute("call refresh_continuous_aggregate('minute_rollup', null, $1::timestamptz)", until)
    finally:
        await con.close()
