"""Readings are dropped when they are old, and everything that was made of them stays as it was."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from service.errors import BadReading, DatabaseUnusable, TaktlineError, Unavailable
from service.intake.batch import Outcome, Receipt
from service.intake.reading import Reading
from service.intake.timestamps import microseconds
from service.period.bucket import BucketQuestion
from service.period.lifetimes import FOR_EVER, Lifetimes
from service.period.selection import ALL_SERIES, Selection, SeriesFilter
from service.period.steps import make_period
from service.store import Correction, Store
from service.store.rollups import ROLLUPS
from tests.batches import packed
from tests.conftest import Engine, run_jobs
from tests.database import connected

pytestmark = pytest.mark.anyio

Connection = "asyncpg.Connection[asyncpg.Record]"
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
MINUTE, DAY, WEEK = timedelta(minutes=1), timedelta(days=1), timedelta(days=7)
KEPT = Lifetimes(timedelta(days=40))
CONTENT = "select * from reading_{unit} order by bucket, series"


@pytest.fixture(autouse=True)
def _only_where_rollups_stay(engine: Engine) -> None:
    if engine.server.edition == "apache":
        pytest.skip("the Apache edition refuses it: test_the_apache_edition_says_why")


@pytest.fixture
async def con(engine: Engine, store: Store, schema: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A database with readings of 100 days, materialised in part."""
    async with connected(engine, schema) as con:
        await write(store, *(_filling(number) for number in range(3000)))
        while await store.rollups.refresh_late():
            pass
        await run_jobs(store)
        yield con


def _filling(number: int) -> Reading:
    moment = NOW - number // 2 * timedelta(minutes=97)
    return Reading(microseconds(moment), f"line {number % 2}", 10, number % 7, b'{"by":"a test"}')


def at(moment: datetime, plan: float | None = 1, fact: float | None = 2) -> Reading:
    return Reading(microseconds(moment), "s", plan, fact, None)


async def write(store: Store, *readings: Reading, name: str | None = None) -> list[Outcome]:
    return await store.batches.write([packed(name, *readings)], Receipt())


async def rollups(con: "asyncpg.Connection[asyncpg.Record]") -> dict[str, list[asyncpg.Record]]:
    return {unit: await con.fetch(CONTENT.format(unit=unit)) for unit in ("minute", "quarter", "hour", "day")}


async def charted(store: Store, step: str, start: str = "now-110d") -> object:
    period = make_period(start, "now+1d", step, "Europe/Berlin", NOW, 1e9)
    return [
        (await store.buckets.read(BucketQuestion(period, agg, ALL_SERIES, panels))).panels
        for agg in ("sum", "last")
        for panels in (None, 5)
    ]


async def test_what_was_made_of_them_stays(store: Store, con: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Readings that the rollups didn't show yet, late ones and corrected ones among them; and again after all refreshes
    that there are."""
    await write(store, *(at(NOW - days * DAY) for days in (95, 60, 50, 41, 39, 2)))
    await store.corrections.make(
        Correction(series=["line 0"], start=NOW - 92 * DAY, end=NOW - 90 * DAY, by="me", field="plan")
    )
    steps = ("1h", "1d", "1M")
    before = await rollups(con), [await charted(store, step) for step in steps]
    counted = await con.fetchval("select count(*) from reading")
    await store.retention.keep_to(KEPT)
    since = store.retention.kept.readings
    assert since is not None
    assert NOW - KEPT.readings - WEEK < since <= NOW - KEPT.readings  # type: ignore[operator]
    left = await con.fetchval("select count(*) from reading")
    assert 0 < left < counted
    assert await con.fetchval("select min(ts) from reading") >= since
    for refreshed in (lambda: run_jobs(store), store.rollups.refresh_late, store.rollups.keep_close, _nothing):
        assert (await rollups(con), [await charted(store, step) for step in steps]) == before
        await refreshed()
    assert await store.records.count() == left


async def _nothing() -> None: ...


async def test_pages_are_of_what_is_kept(store: Store, con: "asyncpg.Connection[asyncpg.Record]") -> None:
    noted = [NOW - 100 * DAY, NOW - DAY]
    await write(store, *(Reading(round(ts.timestamp() * 1e6), "x", None, None, b'{"note":"stop"}') for ts in noted))
    await store.retention.keep_to(KEPT)
    since = store.retention.kept.readings
    assert [ts for (ts,) in await con.fetch("select ts from noted")] == noted[1:]
    rows = await con.fetch("select ts from reading order by ts desc, id desc")
    assert since
    for number in (0, len(rows) - 10):
        page = await store.records.at(number, 10, Selection(), down=True)
        assert [one.ts for one in page.items] == [ts for (ts,) in rows[number : number + 10]]
        assert (page.total, page.since) == (len(rows), since)
    assert (await store.records.at(0, 10, Selection(since), down=True)).since is None
    assert (await store.records.at(0, 10, Selection(series=SeriesFilter(("no",))), down=True)).since is None
    gone = await store.records.at(0, 10, Selection(end=since), down=True)
    assert (gone.items, gone.total, gone.since) == ([], 0, since)
    place = page.last
    assert place
    beside = await store.records.beside(place, 10, Selection(), down=True)
    assert (beside.items, beside.total, beside.before) == ([], len(rows), len(rows))
    exported = [count async for part in store.long_ranges.read(Selection()) for count in [len(part.ts)]]
    assert sum(exported) == len(rows)
    assert await store.long_ranges.since(Selection()) == since


async def test_what_is_behind_is_refused_by_the_database(
    store: Store, con: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    """Whoever doesn't know yet from when on readings are kept, such as a replica of an earlier version, writes and
    corrects nothing behind it. A batch that was committed before stays a duplicate."""
    old = NOW - 50 * DAY
    await write(store, at(old), name="before")
    await store.retention.keep_to(KEPT)
    before = await rollups(con)
    for readings in ([at(old)], [at(NOW), at(old)]):
        with pytest.raises(BadReading, match=r"are kept as minutes only \(RETENTION_READINGS\)"):
            await write(store, *readings, name="after")
    assert await write(store, at(old), name="before") == [Outcome.DUPLICATE]
    assert await rollups(con) == before
    asked = Correction(series=["s"], start=old, end=NOW, by="me", batch=packed(None, at(old)))
    with pytest.raises(BadReading, match="are kept as minutes only"):
        await store.corrections.make(asked)
    assert await rollups(con) == before
    await write(store, at(NOW - 20 * DAY), name="after")


async def test_a_round_that_was_cut_off_is_gone_on_with(
    store: Store, con: "asyncpg.Connection[asyncpg.Record]", monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is refreshed again over what was dropped in part."""
    await write(store, at(NOW - 80 * DAY))
    before = await rollups(con)
    for name in ("_complete", "_drop_readings", "_drop"):
        with monkeypatch.context() as patch:
            patch.setattr(store.retention, name, _fail)
            with pytest.raises(ValueError, match="cut off"):
                await store.retention.keep_to(KEPT)
        assert await rollups(con) == before
    first = await con.fetchval(
        "select min(range_end) from timescaledb_information.chunks where hypertable_name = $1", "reading"
    )
    await con.execute("select drop_chunks('reading', older_than => $1::timestamptz)", first)
    await store.retention.keep_to(KEPT)
    await store.retention.keep_to(Lifetimes(timedelta(days=33)))
    assert await rollups(con) == before
    # a refresh that was held up since before, by a replica that led once
    with pytest.raises(TaktlineError, match="refresh window"):
        await store.working.execute("refresh_rollup", "minute_rollup", NOW - 90 * DAY, NOW - 60 * DAY)
    for rollup in ROLLUPS:
        await store.working.execute("refresh_rollup", rollup, NOW - 90 * DAY, NOW - 3 * DAY)
    assert await rollups(con) == before


async def _fail(*args: object) -> None:
    raise ValueError("cut off")


async def test_plans_ahead_are_kept(store: Store, con: "asyncpg.Connection[asyncpg.Record]") -> None:
    ahead = NOW + 399 * DAY
    await write(store, at(ahead, 7, None))
    await store.retention.keep_to(Lifetimes(timedelta(days=31)))
    assert await con.fetchval("select plan from reading where ts > now() + interval '300 days'") == 7
    await write(store, at(ahead, 8, None))


async def test_what_was_dropped_stays_so(store: Store, con: "asyncpg.Connection[asyncpg.Record]") -> None:
    await store.retention.keep_to(KEPT)
    since = store.retention.kept.readings
    await store.retention.keep_to(Lifetimes(timedelta(days=90)))
    await store.retention.keep_to(FOR_EVER)
    await store.retention.look()
    assert store.retention.kept.readings == since


async def test_a_job_that_refreshes_further_back_is_named(
    store: Store, con: "asyncpg.Connection[asyncpg.Record]"
) -> None:
    await store.retention.check(KEPT)
    for start, said in (("'60 days'", "for the last 60d"), ("null::text", "from the beginning")):
        await con.execute(
            "select alter_job(job_id, config => jsonb_set(config, '{start_offset}', "
            f"coalesce(to_jsonb({start}::text), 'null'))) from timescaledb_information.jobs "
            "where hypertable_schema = current_schema() and hypertable_name = 'hour_rollup'"
        )
        with pytest.raises(DatabaseUnusable, match=f"RETENTION_READINGS, 40d, .* hour_rollup refreshes {said}"):
            await store.retention.check(KEPT)
        with pytest.raises(TaktlineError, match="Nothing is dropped"):
            await store.retention.keep_to(KEPT)
    assert store.retention.kept.readings is None
    assert await con.fetchval("select min(ts) from reading") < NOW - 99 * DAY


async def test_while_others_write_correct_and_refresh(store: Store, con: "asyncpg.Connection[asyncpg.Record]") -> None:
    """What is accepted is in the rollups for ever, and what is refused never is, whatever comes between; and two
    replicas may drop at once."""
    taken: list[int] = []

    async def writing(number: int) -> None:
        for day in range(33 + number % 3, 60, 2):
            with suppress(BadReading, Unavailable):  # or another replica is just dropping that chunk
                await write(store, at(NOW - day * DAY, None, 1))
                taken.append(day)
            await asyncio.sleep(0.01)

    before = await con.fetchval("select sum(fact_sum) from reading_minute")

    async def dropping(days: int) -> None:
        # the round of one that comes too late to refresh what another has just completed, and may have dropped
        with suppress(BadReading, Unavailable):
            await store.retention.keep_to(Lifetimes(timedelta(days=days)))

    rounds = [dropping(days) for days in (50, 50, 45, 36)]
    await asyncio.gather(*(writing(number) for number in range(4)), *rounds, store.rollups.refresh_late())
    await store.retention.keep_to(Lifetimes(timedelta(days=36)))
    for _ in range(2):
        for unit in ("minute", "quarter", "hour", "day"):
            assert await con.fetchval(f"select sum(fact_sum) from reading_{unit}") == before + len(taken)
        await store.rollups.refresh_late()
        await run_jobs(store)
    assert await con.fetchval("select min(ts) from reading") >= store.retention.kept.readings


LONGER = Lifetimes(*(timedelta(days=days) for days in (40, 70, 130, 380, 1000)))
"""Rollups are dropped by chunks: minutes of 28 days, quarters of 91, hours and days of 364."""


async def test_rollups_are_dropped_one_after_the_other(store: Store, engine: Engine, schema: str) -> None:
    """Each keeps its numbers from the time on from which it is kept, and the coarser ones all of theirs, whatever is
    refreshed."""
    ages = (1200, 1100, 800, 700, 400, 390, 240, 200, 150, 120, 90, 60, 50, 20, 5)
    await write(store, *(at(NOW - days * DAY, 1, days) for days in ages))
    while await store.rollups.refresh_late():
        pass
    await run_jobs(store)
    async with connected(engine, schema) as con:
        before = await rollups(con)
        await store.retention.keep_to(LONGER)
        assert await rollups(con) == before  # the others have to know first
        store.retention.notice = timedelta()
        await store.retention.keep_to(LONGER)
        kept = store.retention.kept
        cuts = {"minute": kept.minutes, "quarter": kept.quarters, "hour": kept.hours, "day": kept.days}
        assert kept.minutes
        assert kept.quarters
        assert kept.hours
        assert kept.readings
        assert kept.hours <= kept.quarters <= kept.minutes <= kept.readings
        expected = {
            unit: [row for row in rows if (cut := cuts[unit]) is None or row["bucket"] >= cut]
            for unit, rows in before.items()
        }
        assert len(expected["minute"]) < len(expected["quarter"]) < len(expected["hour"]) < len(ages)
        for refreshed in (store.rollups.refresh_late, lambda: run_jobs(store), store.rollups.keep_close, _nothing):
            assert await rollups(con) == expected
            await refreshed()
        await write(store, at(NOW - 32 * DAY))
        await store.rollups.refresh_late()
        await run_jobs(store)
        await store.retention.keep_to(LONGER)
        for unit, rows in expected.items():
            assert [row for row in await con.fetch(CONTENT.format(unit=unit)) if row["bucket"] < NOW - 40 * DAY] == [
                row for row in rows if row["bucket"] < NOW - 40 * DAY
            ]


async def test_a_rollup_never_loses_its_last_chunk(store: Store, engine: Engine, schema: str) -> None:
    """Without any, it would count as not materialised at all, and everything would be looked for in what is gone."""
    store.retention.notice = timedelta()
    await write(store, at(NOW - 900 * DAY, 1, 900))
    for _ in range(2):
        await store.retention.keep_to(LONGER)
    assert store.retention.kept.minutes is None
    assert await store.records.count() == 0
    await write(store, at(NOW, 1, 1))
    await store.rollups.keep_close()
    async with connected(engine, schema) as con:
        assert await con.fetchval("select sum(fact_sum) from reading_day") == 901


async def test_totals_of_times_of_which_no_minutes_are_kept(store: Store) -> None:
    """Plan that was missed counts, and there is no worst minute."""
    store.retention.notice = timedelta()
    await write(store, at(NOW - 600 * DAY, 10, 7), at(NOW - 600 * DAY + 20 * MINUTE, 5, None), at(NOW - DAY))
    while await store.rollups.refresh_late():
        pass
    period = Selection(NOW - 601 * DAY, NOW - 599 * DAY)
    day = Selection(period.start.replace(hour=0, minute=0), period.end.replace(hour=0, minute=0))
    before = await store.overview.totals(day, NOW)
    assert before.worst
    for _ in range(3):
        await store.retention.keep_to(LONGER)
    after = await store.overview.totals(day, NOW)
    assert after.worst is None
    assert (after.plan, after.fact, after.readings, after.target) == (15, 7, 2, 15)
    assert before.plan == after.plan
