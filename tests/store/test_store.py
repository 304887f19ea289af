"""What the store writes and reads, on a real database."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from service.errors import BadReading, Unavailable
from service.intake.batch import Outcome, Receipt
from service.intake.reading import Reading, now_microseconds
from service.period.bucket import BucketQuestion
from service.period.selection import ALL_SERIES, SeriesFilter
from service.period.steps import make_period
from service.store import READING, WRITING, Store, open_store
from service.store.migrate import search_path
from tests.batches import broken, packed, reading
from tests.conftest import Engine, run_jobs
from tests.database import connected, rollup_counts

pytestmark = pytest.mark.anyio

DAY = 86_400 * 10**6
"""Microseconds."""


async def test_every_value_comes_back_as_it_went_in(store: Store) -> None:
    ts = 1_769_868_300_123_456
    rows = [
        reading(1e-300, -0.1, ts=ts),
        reading(None, 2**53, ts=ts + 1),
        reading(1e290, None, ts=ts + 2, attributes='{"ключ":[1,"😀"]}'.encode()),
        reading(None, None, ts=0),
    ]
    assert await store.batches.write([packed(None, *rows)], Receipt()) == [Outcome.WRITTEN]
    back = await store.records.newest(10)
    assert [(one.plan, one.fact) for one in back] == [(1e290, None), (None, 2.0**53), (1e-300, -0.1), (None, None)]
    assert back[2].ts == datetime(2026, 1, 31, 14, 5, 0, 123456, tzinfo=UTC)
    assert back[3].ts == datetime(1970, 1, 1, tzinfo=UTC)
    assert bytes(back[0].attributes or b"") == '{"ключ": [1, "😀"]}'.encode()


async def test_outcomes_within_one_transaction(store: Store) -> None:
    await store.batches.write([packed("old", reading(1))], Receipt())
    group = [
        packed("new", reading(2)),
        packed(None, reading(3)),
        packed("old", reading(1)),
        packed("new", reading(2)),
        packed("new", reading(4)),
        packed("old", reading(5)),
        packed("empty"),
    ]
    assert [one.value for one in await store.batches.write(group, Receipt())] == [
        "written", "written", "duplicate", "duplicate", "mismatch", "mismatch", "written",
    ]  # fmt: skip
    assert sorted(one.plan or 0 for one in await store.records.newest(10)) == [1, 2, 3]


async def test_a_commit_whose_answer_was_lost_is_not_repeated(store: Store) -> None:
    """With the same receipt again after the transaction was committed, nothing is written twice."""
    receipt = Receipt()
    batches = [packed(None, reading(1)), packed("a", reading(2))]
    first = await store.batches.write(batches, receipt)
    assert await store.batches.write(batches, receipt) == first
    assert await store.records.count() == 2


async def test_an_attempt_that_was_rolled_back_is_repeated(store: Store) -> None:
    """However far the first attempt got, it only counts whether its number was committed."""
    receipt = Receipt()
    for number in range(3):
        receipt.begin()
        with pytest.raises(BadReading):
            await store.batches.write([packed(None, reading(1)), broken()], receipt)
        assert await store.batches.write([packed(None, reading(1))], receipt) == [Outcome.WRITTEN]
        assert await store.records.count() == number + 1


async def test_an_attempt_that_is_still_under_way_is_waited_for(store: Store) -> None:
    """The answer to COMMIT was lost, and the next attempt comes before the server has finished the first."""
    receipt = Receipt()
    batches = [packed(None, reading(1)), packed("a", reading(2))]
    first, second = await asyncio.gather(*(store.batches.write(batches, receipt) for _ in range(2)))
    assert first == second == [Outcome.WRITTEN] * 2
    assert await store.records.count() == 2


async def test_data_that_the_database_refuses(store: Store) -> None:
    with pytest.raises(BadReading):
        await store.batches.write([broken()], Receipt())
    assert await store.batches.write([packed(None, reading())], Receipt()) == [Outcome.WRITTEN]


async def test_a_database_that_is_away_is_unavailable(engine: Engine) -> None:
    async with open_store("postgresql://u:p@127.0.0.1:1/x", "public", engine.server) as nowhere:
        with pytest.raises(Unavailable):
            await nowhere.batches.write([packed(None, reading())], Receipt())
        with pytest.raises(Unavailable):
            await nowhere.records.newest(10)


async def test_old_batch_ids_are_forgotten(store: Store) -> None:
    batches = [packed("a", reading()), packed("b", reading())]
    await store.batches.write(batches, Receipt())
    assert await store.batches.forget(timedelta(days=1)) == 0
    assert await store.batches.forget(timedelta(0)) == 2
    assert await store.batches.write(batches, Receipt()) == [Outcome.WRITTEN, Outcome.WRITTEN]


@pytest.mark.parametrize("agg", ["sum", "avg", "min", "max", "last"])
async def test_buckets_are_what_group_by_says(store: Store, agg: str) -> None:
    start = datetime(2026, 1, 31, 14, tzinfo=UTC)
    base = round(start.timestamp() * 1e6)
    rows = [reading(minute + second, None if second else 5, ts=base + (minute * 60 + second) * 10**6)
            for minute in (0, 1, 5, 59) for second in (0, 20, 40)]  # fmt: skip
    await store.batches.write([packed(None, *rows)], Receipt())
    period = make_period("2026-01-31T14:00Z", "2026-01-31T15:00Z", None, "UTC", start, 240)
    found = {
        bucket.bucket.minute: bucket
        for bucket in (await store.buckets.read(BucketQuestion(period, agg, ALL_SERIES))).panels[0].buckets
    }
    assert sorted(found) == [0, 1, 5, 59]
    for minute, bucket in found.items():
        plans = [minute, minute + 20, minute + 40]
        expected = {"sum": sum(plans), "avg": sum(plans) / 3, "min": plans[0], "max": plans[2], "last": plans[2]}
        assert bucket.plan == expected[agg]
        assert bucket.fact == 5
        assert bucket.readings == 3


async def test_only_chosen_series(store: Store) -> None:
    rows = [Reading(None, name, 1, 1, None) for name in ("a", "b", "c")]
    await store.batches.write([packed(None, *rows)], Receipt())
    period = make_period(None, None, None, "UTC", datetime.now(UTC) + timedelta(seconds=1), 240)
    [bucket] = (await store.buckets.read(BucketQuestion(period, "sum", SeriesFilter(("a", "c"))))).panels[0].buckets
    assert bucket.readings == 2


async def test_rollups_agree_before_and_after_their_refresh(store: Store) -> None:
    """A materialised bucket is the same as one that is aggregated when it is read."""
    ts = round((datetime.now(UTC) - timedelta(hours=30)).timestamp() * 1e6)
    rows = [reading(number % 7, number % 3, ts=ts + number * 47 * 10**6) for number in range(500)]
    await store.batches.write([packed(None, *rows)], Receipt())
    period = make_period("-2d", None, "1h", "UTC", datetime.now(UTC), 240)
    before = await store.buckets.read(BucketQuestion(period, "sum", ALL_SERIES))
    if store.server.edition == "community":
        assert await run_jobs(store) >= 3
    assert await store.buckets.read(BucketQuestion(period, "sum", ALL_SERIES)) == before
    assert sum(bucket.readings for bucket in before.panels[0].buckets) == 500


async def test_the_chart_reads_a_rollup_and_the_page_an_index(store: Store, engine: Engine, schema: str) -> None:
    """By their query plans, no chart may scan the readings of other days, and no page may sort all readings."""
    now = now_microseconds()
    await store.batches.write([packed(None, *(reading(ts=now - number * DAY) for number in range(20)))], Receipt())
    con = await asyncpg.connect(engine.url, server_settings={"search_path": search_path(schema, engine.server)})
    try:
        plan = await con.fetch("explain select ts from reading order by ts desc, id desc limit 50")
    finally:
        await con.close()
    assert not any("Sort" in line[0] for line in plan if "Merge" not in line[0])


@pytest.mark.parametrize("minutes", [2, 10, 200, 3 * 24 * 60])
async def test_late_readings_show_at_once_and_after_the_refresh(
    store: Store, engine: Engine, schema: str, minutes: int
) -> None:
    """Readings behind the watermark are in every rollup as soon as they are written, and stay there."""
    ts = now_microseconds() - minutes * 60_000_000
    await store.batches.write([packed(None, reading(1, 1, ts=ts))], Receipt())
    if store.server.edition == "community":
        await store.rollups.refresh_late()
        await run_jobs(store)
    for count in (2, 3, 4):
        await store.batches.write([packed(None, reading(1, 1, ts=ts))], Receipt())
        assert await rollup_counts(engine, schema) == [count] * 3
        if store.server.edition == "community" and count == 3:
            await store.rollups.refresh_late()
            assert await rollup_counts(engine, schema) == [count] * 3


async def test_whether_there_is_any_reading(store: Store, engine: Engine, schema: str) -> None:
    assert not await store.overview.has_readings(None)
    long_ago = now_microseconds() - 9 * 365 * DAY
    await store.batches.write([packed(None, reading(ts=long_ago), reading(ts=long_ago + 400 * DAY))], Receipt())
    assert await store.overview.has_readings(None)
    async with connected(engine, schema) as con:
        await con.execute("delete from reading")
    assert not await store.overview.has_readings(None)


async def test_days_that_follow_each_other_are_refreshed_together(store: Store, engine: Engine, schema: str) -> None:
    """Two hundred days with a week's break in between: two runs, few chunks, and no mark is left."""
    if store.server.edition != "community":
        pytest.skip("the Apache edition has nothing to refresh")
    now = now_microseconds()
    days = [day for day in range(10, 217) if not 100 <= day < 107]
    await store.batches.write([packed(None, *(reading(1, 1, ts=now - day * DAY) for day in days))], Receipt())
    assert await store.rollups.refresh_late() == 2
    assert await rollup_counts(engine, schema) == [200] * 3
    async with connected(engine, schema) as con:
        assert await con.fetchval("select count(*) from late_minute") == 0
        assert await con.fetchval("select sum(readings) from day_rollup") == 200
        assert await con.fetchval("select count(*) from show_chunks('reading')") <= 32
        assert await con.fetchval("select count(*) from show_chunks('day_rollup')") <= 3


async def test_a_large_transaction_is_stored_like_a_small_one(store: Store, engine: Engine, schema: str) -> None:
    """Where rows are written straight to the columnstore, they are complete, in every rollup, and stay readable, also
    once it is known that their chunks are there."""
    rows = many_rows()
    first = [rows[0], rows[-1]]  # these create the chunks, which may then be compressed
    await store.batches.write([packed(None, *first)], Receipt())
    assert await store.batches.write([packed("large", *rows)], Receipt()) == [Outcome.WRITTEN]
    await store.batches.write([packed(None, *rows[:10])], Receipt())
    assert await store.batches.write([packed("again", *rows)], Receipt()) == [Outcome.WRITTEN]
    assert await rollup_counts(engine, schema) == [12_012] * 3
    async with connected(engine, schema) as con:
        assert await con.fetchval("select count(distinct id) from reading") == 12_012
        assert await con.fetchval("select sum(plan) from reading where series = 's1'") == sum(
            row.plan or 0 for row in [*first, *rows, *rows[:10], *rows] if row.series == "s1"
        )
        if store.batches.compresses:
            assert await con.fetchval(
                "select every(is_compressed) from timescaledb_information.chunks "
                "where hypertable_schema = current_schema() and hypertable_name = 'reading'"
            )


def many_rows() -> list[Reading]:
    """Readings of the last ten minutes, as many as are worth compressing."""
    start = now_microseconds() - 600_000_000
    return [Reading(start + number * 50_000, f"s{number % 3}", number % 7, 1, None) for number in range(6000)]


async def test_a_large_transaction_beside_the_one_that_makes_the_chunk(
    store: Store, engine: Engine, schema: str
) -> None:
    """They write the first readings of a day. TimescaleDB would lose those of the small transaction: see
    compress_directly.sql."""
    rows = many_rows()
    con = await asyncpg.connect(engine.url, server_settings={"search_path": search_path(schema, engine.server)})
    try:
        async with con.transaction():
            times = [datetime.fromtimestamp((row.ts or 0) / 1e6, UTC) for row in (rows[0], rows[-1])]
            await con.executemany(
                "insert into reading (ts, series, plan) values ($1, 'small', 1)", [(at,) for at in times]
            )
            writing = asyncio.create_task(store.batches.write([packed(None, *rows)], Receipt()))
            await asyncio.sleep(0.5)
            assert not writing.done()
        assert await writing == [Outcome.WRITTEN]
        assert await con.fetchval("select count(*) from reading") == 6002
    finally:
        await con.close()


async def test_slow_reads_never_keep_a_write_waiting(store: Store) -> None:
    """With the largest possible number of slow reads another read isn't answered, but readings are written all the
    same."""
    async with AsyncExitStack() as slow:
        for _ in range(READING):
            await slow.enter_async_context(store.reading.connection())
        async with asyncio.timeout(2):
            assert await store.batches.write([packed("a", *many_rows()[-1:])], Receipt()) == [Outcome.WRITTEN]
        with pytest.raises(Unavailable):
            await store.records.count()
    assert await store.records.count() == 1


async def test_a_refresh_for_late_readings_keeps_no_connection_from_others(
    store: Store, engine: Engine, schema: str
) -> None:
    """It waits here for a lock, as long as it may take; meanwhile others may have all connections that they need."""
    if store.server.embedded or store.server.edition != "community":
        pytest.skip("there is a single session, or nothing to refresh")
    await store.batches.write([packed(None, reading(ts=now_microseconds() - 40 * DAY))], Receipt())
    async with connected(engine, schema) as con, con.transaction():
        await con.execute("lock table late_minute in share row exclusive mode")
        refreshing = asyncio.create_task(store.rollups.refresh_late())
        async with asyncio.timeout(20):
            while not await con.fetchval(
                "select exists (select from pg_locks where relation = 'late_minute'::regclass and not granted)"
            ):
                assert not refreshing.done()
        async with AsyncExitStack() as busy:
            for pool, size in ((store.reading, READING), (store.writing, WRITING)):
                for _ in range(size):
                    await busy.enter_async_context(pool.connection())
        assert await store.records.count() == 1
    assert await refreshing == 1


async def test_a_refresh_for_late_readings_hides_nothing_before_it(store: Store, engine: Engine, schema: str) -> None:
    """Where the policies are behind, such a refresh must not move the watermark past readings that they haven't
    materialised yet."""
    if store.server.edition != "community":
        pytest.skip("nothing is materialised here")
    async with connected(engine, schema) as con:
        await con.execute(
            "select alter_job(job_id, scheduled => false) from timescaledb_information.jobs "
            "where hypertable_schema = current_schema()"
        )
        await con.execute(
            "insert into reading (ts, series, plan) select ts, 'a', 1 "
            "from generate_series(now() - interval '12 hours', now() - interval '9 hours', interval '1 minute') ts"
        )
    before = await store.records.count()
    ts = now_microseconds() - 5 * 3600 * 10**6
    await store.batches.write([packed(None, reading(ts=ts))], Receipt())
    await store.rollups.refresh_late()
    assert await store.records.count() == before + 1
    assert await rollup_counts(engine, schema) == [before + 1] * 3
