"""Minutes are materialised soon after their end, and none so soon that a reading could be missed."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from service.intake.batch import Receipt
from service.intake.reading import now_microseconds
from service.store import Store, batches, lag, open_store, rollups
from service.store.migrate import migrate, search_path
from service.store.queries import query
from tests.batches import packed, reading
from tests.conftest import Engine, run_jobs
from tests.database import connected

pytestmark = pytest.mark.anyio

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def store(engine: Engine, schema: str) -> AsyncIterator[Store]:
    """A store whose rollups are materialised as far as TimescaleDB's jobs do it."""
    if engine.server.edition != "community":
        pytest.skip("the Apache edition materialises nothing")
    await migrate(engine.url, schema, engine.server, lambda _: None)
    async with open_store(engine.url, search_path(schema, engine.server), engine.server) as opened:
        await _write(opened, timedelta(hours=3))
        await run_jobs(opened)
        yield opened


async def _write(store: Store, age: timedelta) -> None:
    ts = now_microseconds() - age // timedelta(microseconds=1)
    await store.batches.write([packed(None, reading(1, 1, ts=ts))], Receipt())


def _minute_of(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0)


async def _watermark(con: "asyncpg.Connection[asyncpg.Record]") -> datetime:
    return await con.fetchval("select at from watermark where rollup = 'minute_rollup'")  # type: ignore[no-any-return]


async def test_a_minute_is_materialised_ten_seconds_after_its_end(store: Store, engine: Engine, schema: str) -> None:
    """A refresh moves the watermark to the end of the last bucket that has readings."""
    age = rollups.CLOSEST + MINUTE
    await _write(store, age)
    written = datetime.now(UTC) - age
    async with connected(engine, schema) as con:
        assert await _watermark(con) < written - MINUTE
        await store.rollups.keep_close()
        assert _minute_of(written) <= await _watermark(con) <= _minute_of(datetime.now(UTC) - rollups.CLOSEST)


async def test_marks_of_minutes_that_become_materialised_are_taken_away(
    store: Store, engine: Engine, schema: str
) -> None:
    """A reading of such a minute that comes later still is marked anew, and counted either way."""
    age = rollups.CLOSEST + MINUTE
    minute = _minute_of(datetime.now(UTC) - age)
    await _write(store, age)
    async with connected(engine, schema) as con:
        assert await con.fetchval("select count(*) from late_minute where bucket >= $1", minute) == 1
        await store.rollups.keep_close()
        assert await con.fetchval("select count(*) from late_minute where bucket >= $1", minute) == 0
        await _write(store, age)
        assert await con.fetchval("select count(*) from late_minute where bucket >= $1", minute) == 1
        assert await con.fetchval("select sum(readings) from reading_minute where bucket >= $1", minute) == 2
        assert await con.fetchval("select sum(readings) from minute_materialised where bucket >= $1", minute) == 1
    assert await store.records.count() == 3


async def test_no_minute_is_refreshed_in_which_a_transaction_began(engine: Engine, schema: str, store: Store) -> None:
    """It could write readings of that minute and mark none, because the minute wasn't over when it began."""
    if engine.server.embedded:
        pytest.skip("the embedded engine does one transaction after the other")
    ahead = timedelta(hours=-1)
    async with connected(engine, schema) as con, connected(engine, schema) as other:
        [[_, upto]] = await con.fetch(query("refreshable"), ahead, batches.ON_TIME)
        assert upto > datetime.now(UTC)
        transaction = other.transaction()
        await transaction.start()
        began = await other.fetchval("select now()")
        [[_, upto]] = await con.fetch(query("refreshable"), ahead, batches.ON_TIME)
        assert upto == _minute_of(began - batches.ON_TIME)
        await transaction.rollback()
        [[_, upto]] = await con.fetch(query("refreshable"), ahead, batches.ON_TIME)
        assert upto > datetime.now(UTC)


@pytest.mark.parametrize(("on_time", "marks"), [(timedelta(), 1), (2 * MINUTE, 0)])
async def test_what_comes_right_after_its_minute_is_not_marked(
    store: Store, engine: Engine, schema: str, monkeypatch: pytest.MonkeyPatch, on_time: timedelta, marks: int
) -> None:
    """A mark would make everybody count that minute anew until it is taken away, though nobody has missed anything."""
    monkeypatch.setattr(batches, "ON_TIME", on_time)
    minute = _minute_of(datetime.now(UTC)) - MINUTE
    await _write(store, datetime.now(UTC) - minute)
    async with connected(engine, schema) as con:
        assert await con.fetchval("select count(*) from late_minute where bucket >= $1", minute) == marks


async def test_a_rollup_far_behind_is_left_to_the_jobs(
    store: Store, engine: Engine, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lag, "MOST_LAG", timedelta(seconds=1))
    await _write(store, 2 * MINUTE)
    async with connected(engine, schema) as con:
        before = await _watermark(con)
        await store.rollups.keep_close()
        assert await _watermark(con) == before
