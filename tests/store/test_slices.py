"""Slices: readings that aren't materialised yet, aggregated every few seconds, and exact whatever is written later."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from service.errors import Unavailable
from service.intake.batch import Receipt
from service.intake.reading import now_microseconds
from service.period.bucket import BucketQuestion
from service.period.selection import ALL_SERIES, Selection
from service.period.steps import make_period
from service.store import Store, open_store, slices
from service.store.migrate import migrate, search_path
from service.store.queries import query
from tests.batches import packed, reading
from tests.conftest import Engine
from tests.database import connected

pytestmark = pytest.mark.anyio

SECOND = timedelta(seconds=1)


@pytest.fixture
async def store(engine: Engine, schema: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Store]:
    """A store that makes slices of three readings and more."""
    if engine.server.edition != "community":
        pytest.skip("the Apache edition has no slices")
    monkeypatch.setattr(slices, "WORTH", 3)
    monkeypatch.setattr(slices, "FARTHEST", slices.CLOSEST)
    await migrate(engine.url, schema, engine.server, lambda _: None)
    async with open_store(engine.url, search_path(schema, engine.server), engine.server) as opened:
        yield opened


@pytest.fixture
async def con(store: Store, engine: Engine, schema: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    async with connected(engine, schema) as opened:
        yield opened


async def _write(store: Store, *ages: timedelta) -> None:
    now = now_microseconds()
    batch = packed(None, *(reading(1, 1, ts=now - age // timedelta(microseconds=1)) for age in ages))
    await store.batches.write([batch], Receipt())


async def _upto(store: Store) -> tuple[datetime, datetime]:
    """Up to where minutes are materialised, and up to where slices are read."""
    async with store.reading.snapshot() as snapshot:
        assert snapshot.upto is not None
        return snapshot.upto[-2], snapshot.upto[-1]


async def _readings(store: Store) -> list[float | int | None]:
    """The number of readings by the pages, by the totals and by a chart of minutes."""
    now = datetime.now(UTC)
    period = make_period("now-10m", "now", "1m", "UTC", now, 100)
    [panel] = (await store.buckets.read(BucketQuestion(period, "sum", ALL_SERIES))).panels
    totals = await store.overview.totals(Selection(period.start, period.end), now)
    return [await store.records.count(), totals.readings, sum(bucket.readings for bucket in panel.buckets)]


async def test_they_are_made_where_there_are_enough_readings(
    store: Store, con: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await _write(store, 30 * SECOND, 20 * SECOND)
    assert not await store.slices.renew()
    await _write(store, 5 * SECOND)
    began = datetime.now(UTC) - timedelta(milliseconds=1)  # which the clock of the embedded engine leaves out
    assert await store.slices.renew()
    minutes, upto = await _upto(store)
    assert minutes < began - slices.CLOSEST <= upto <= datetime.now(UTC) - slices.CLOSEST
    assert await con.fetchval("select sum(readings) from slice") == 3
    assert await _readings(store) == [3, 3, 3]
    assert not await store.slices.renew()


async def test_a_reading_of_a_slice_that_is_made_already(
    store: Store, con: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """It is seen at once: slices are read only up to the one in which it belongs, until they are made anew."""
    await _write(store, 50 * SECOND, 40 * SECOND, 30 * SECOND)
    assert await store.slices.renew()
    await _write(store, 10 * SECOND, 9 * SECOND, 8 * SECOND)
    assert await _readings(store) == [6, 6, 6]
    _, upto = await _upto(store)
    assert upto < datetime.now(UTC) - 30 * SECOND
    assert await store.slices.renew()
    assert await con.fetchval("select count(*) from late_slice") == 0
    _, upto = await _upto(store)
    assert upto > datetime.now(UTC) - 5 * SECOND
    assert await _readings(store) == [6, 6, 6]


async def test_one_before_any_reading_of_the_slice(store: Store) -> None:
    await _write(store, 10 * SECOND, 9 * SECOND, 8 * SECOND)
    assert await store.slices.renew()
    await _write(store, 200 * SECOND)
    assert await _readings(store) == [4, 4, 4]


async def test_whoever_writes_is_waited_for(
    store: Store, engine: Engine, con: "asyncpg.Connection[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction that began before the announcement marks nothing, so that no slice is made without it."""
    if engine.server.embedded:
        pytest.skip("the embedded engine does one transaction after the other")
    await _write(store, 30 * SECOND, 20 * SECOND, 10 * SECOND)
    await con.execute(query("begin_writing"))
    renewing = asyncio.create_task(store.slices.renew())
    await asyncio.sleep(0.3)
    assert not renewing.done()
    await con.execute("insert into reading (ts, series, plan) values (now() - interval '15 s', 's', 1)")
    await con.execute("commit")
    assert await renewing
    assert await con.fetchval("select sum(readings) from slice") == 4
    assert await _readings(store) == [4, 4, 4]

    monkeypatch.setattr(slices, "PATIENCE", 0.1)
    await con.execute(query("begin_writing"))
    await _write(store, 30 * SECOND, 20 * SECOND, 10 * SECOND)
    with pytest.raises(Unavailable, match="writing readings"):
        await store.slices.renew()
    await con.execute("rollback")
    assert await _readings(store) == [7, 7, 7]


async def test_what_is_materialised_needs_no_slice(store: Store, con: "asyncpg.Connection[asyncpg.Record]") -> None:
    await _write(store, 200 * SECOND, 190 * SECOND, 180 * SECOND)
    assert await store.slices.renew()
    await store.rollups.keep_close()
    minutes, _ = await _upto(store)
    assert minutes > datetime.now(UTC) - 250 * SECOND
    assert await _readings(store) == [3, 3, 3]
    await _write(store, 3 * SECOND, 3 * SECOND, 3 * SECOND)
    assert await store.slices.renew()
    assert await con.fetchval("select count(*) from slice where bucket < $1", minutes) == 0
    await store.slices.vacuum()
    assert await _readings(store) == [6, 6, 6]


async def test_none_are_made_beside_an_earlier_version(store: Store, con: "asyncpg.Connection[asyncpg.Record]") -> None:
    """A replica of it marks nothing. What it has written before that is noticed is seen when the slices are dropped."""
    await _write(store, 30 * SECOND, 20 * SECOND, 10 * SECOND)
    assert await store.slices.renew()
    await asyncio.sleep(1.5)
    await _write(store, 1.2 * SECOND, 1.2 * SECOND, 1.2 * SECOND)
    assert await store.slices.renew()
    await _write(store, 1.25 * SECOND)  # late for the second slice, and so marked
    await con.execute("insert into reading (ts, series, plan) values (now() - interval '25 s', 's', 1)")
    await con.execute("insert into committer (id, number) values (gen_random_uuid(), 1)")
    assert not await store.slices.renew()
    assert await _readings(store) == [8, 8, 8]


async def test_one_that_fails_leaves_the_last_ones(store: Store, con: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Such as where two replicas take the lead from each other and make some at once."""
    await _write(store, 30 * SECOND, 20 * SECOND, 10 * SECOND)
    for _ in range(3):
        await _write(store, 5 * SECOND, 4 * SECOND, 3 * SECOND)
        for made in await asyncio.gather(store.slices.renew(), store.slices.renew(), return_exceptions=True):
            with suppress(Unavailable):
                if isinstance(made, BaseException):
                    raise made
    assert await _readings(store) == [12, 12, 12]


async def test_they_keep_the_distance_at_which_readings_come(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of producers that send every few seconds, everything would be late for slices that end a second ago."""
    monkeypatch.setattr(slices, "FARTHEST", 15 * SECOND)
    await _write(store, 30 * SECOND, 30 * SECOND, 30 * SECOND)
    assert await store.slices.renew()
    await _write(store, 4 * SECOND, 5 * SECOND, 6 * SECOND)
    await _write(store, 10 * SECOND, 10 * SECOND, 10 * SECOND)
    assert await store.slices.renew()
    assert 10 * SECOND < store.slices.closest <= 15 * SECOND
    _, upto = await _upto(store)
    assert upto <= datetime.now(UTC) - 10 * SECOND
    before = store.slices.closest
    await store.slices.renew()
    assert slices.CLOSEST < store.slices.closest < before
    await _write(store, 40 * SECOND)  # so late that it changes nothing
    await store.slices.renew()
    assert store.slices.closest < before
    assert await _readings(store) == [10, 10, 10]
