"""A database of an earlier version is brought up to this version with everything in it.

`schema_of_2026_11.sha256` has the checksums of the schema files of that version. These files are still in `sql/schema`,
because files that were applied somewhere are never edited. That version had no `sql/functions`.
"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeAlias, get_args

import asyncpg
import msgspec
import pytest

from service.intake.batch import Outcome, Packed, Receipt
from service.intake.reading import Reading
from service.period.bucket import BucketQuestion
from service.period.selection import ALL_SERIES, Selection
from service.period.steps import make_period
from service.store import Store, open_store
from service.store.conflicts import insist
from service.store.migrate import migrate, search_path
from service.store.queries import Edition, query, sql_folder
from service.store.sql_files import sql_files
from tests.batches import packed
from tests.conftest import Engine

pytestmark = pytest.mark.anyio

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

RELEASED = {
    name: checksum
    for checksum, name in (
        line.split() for line in (Path(__file__).parent / "schema_of_2026_11.sha256").read_text().splitlines()
    )
}
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)

HOLD_JOBS = """
select alter_job(job_id, scheduled => false)
from timescaledb_information.jobs
where hypertable_schema = current_schema() and proc_name like 'policy_refresh%'
"""
"""A refresh between two steps below would go past readings that are inserted here without marks."""
FILL = """
insert into reading (ts, series, plan, fact)
select ts, 'line ' || line, 10, line + extract(epoch from ts)::bigint / 60 % 7
from generate_series($1::timestamptz, $2::timestamptz, $3::interval) as ts
cross join generate_series(1, 3) as line
"""
MARK = """
insert into late_minute (bucket)
select distinct date_trunc('minute', ts)
from generate_series($1::timestamptz, $2::timestamptz, $3::interval) as ts
on conflict (bucket) do update set version = default
"""
COUNTED = """
select date_bin($3::interval, ts, $1) as start, sum(plan) as plan, sum(fact) as fact, count(*) as readings
from reading
where ts >= $1 and ts < $2
group by 1
order by 1
"""
ASKED_BY_THAT_VERSION = """
select
  (select sum(readings) from late_minutes()) as late_minutes,
  (select sum(readings) from late_quarters()) as late_quarters,
  (select sum(readings) from late_hours()) as late_hours,
  (select sum(readings) from late_days()) as late_days,
  (select sum(readings) from hours_of_days(array[$1::timestamptz])) as hours_of_days,
  (select sum(readings) from quarters_of_days(array[$1::timestamptz])) as quarters_of_days,
  (select sum(readings) from minutes_of_days(array[$1::timestamptz])) as minutes_of_days,
  (select sum(readings) from minutes_due($1, $1::timestamptz + interval '1 day', null, now())) as minutes_due,
  (select sum(readings) from reading_day) as reading_day
"""


@pytest.fixture
async def earlier(engine: Engine, schema: str) -> AsyncIterator[Connection]:
    """A connection to a schema as the earlier version created it, with its data: readings of nine days, a batch, and
    late readings, most of which came after the rollups were refreshed."""
    settings = {"search_path": search_path(schema, engine.server), "timezone": "UTC"}
    con = await asyncpg.connect(engine.url, server_settings=settings)
    try:
        await con.execute(query("create_schema"))
        await con.execute(query("create_ledger"))
        for one in sql_files(sql_folder() / "schema", engine.server.edition):
            if one.name in RELEASED:
                await con.execute(one.sql)
                await con.execute(query("record_migration"), one.number, one.name, one.sha256)
        if engine.server.edition == "community":
            await insist(partial(con.execute, HOLD_JOBS))
        await con.execute(FILL, NOW - 9 * DAY, NOW, 7 * MINUTE)
        await con.execute("insert into batch (id, digest, readings) values ('sent', $1, 1)", sent().digest)
        if engine.server.edition == "community":
            for rollup in ("minute_rollup", "quarter_rollup", "quarter_total", "hour_rollup", "day_rollup"):
                refresh = f"call refresh_continuous_aggregate('{rollup}', null, now() - interval '3 days')"
                await insist(partial(con.execute, refresh))
        for ago in (8 * DAY, 5 * DAY, 5 * MINUTE):
            late = (NOW - ago, NOW - ago + 4 * MINUTE, MINUTE / 2)
            await con.execute(FILL, *late)
            await con.execute(MARK, *late)
        yield con
    finally:
        await con.close()


def sent() -> Packed:
    return packed("sent", Reading(round((NOW - DAY).timestamp() * 1e6), "line 1", 1, 1, None))


def test_the_files_of_that_version_are_as_they_were() -> None:
    """A schema file that was applied somewhere is neither edited nor renamed."""
    files = [one for edition in get_args(Edition) for one in sql_files(sql_folder() / "schema", edition)]
    assert {one.name: one.sha256 for one in files if one.name in RELEASED} == RELEASED


async def test_every_number_is_as_it_was(engine: Engine, schema: str, earlier: Connection) -> None:
    applied = await migrate(engine.url, schema, engine.server, lambda _: None)
    assert applied
    assert not {name.partition("/")[2] for name in applied if name.startswith("schema/")} & set(RELEASED)
    assert await migrate(engine.url, schema, engine.server, lambda _: None) == []
    async with open_store(engine.url, search_path(schema, engine.server), engine.server) as store:
        await compare(store, earlier)
        assert await store.batches.write([sent()], Receipt()) == [Outcome.DUPLICATE]
        if engine.server.edition == "community":
            assert await store.rollups.refresh_late() >= 2
            await compare(store, earlier)


SINCE = sorted(
    number
    for number in {int(path.name[:3]) for path in (sql_folder() / "schema").glob("*.sql")}
    if number >= max(int(name[:3]) for name in RELEASED)
)
"""The last file of that version, and those since."""


@pytest.mark.parametrize("number", SINCE)
async def test_from_each_file_on(engine: Engine, schema: str, number: int) -> None:
    """A database that is full is brought up to date from wherever it is on its way from that version to this one."""
    files = sql_files(sql_folder() / "schema", engine.server.edition)
    if number not in {one.number for one in files}:
        pytest.skip("a file of the other edition")
    settings = {"search_path": search_path(schema, engine.server), "timezone": "UTC"}
    con = await asyncpg.connect(engine.url, server_settings=settings)
    try:
        await con.execute(query("create_schema"))
        await con.execute(query("create_ledger"))
        for one in files:
            if one.number <= number:
                await insist(partial(con.execute, one.sql))
                await con.execute(query("record_migration"), one.number, one.name, one.sha256)
        if engine.server.edition == "community":
            await insist(partial(con.execute, HOLD_JOBS))
        await con.execute(FILL, NOW - 9 * DAY, NOW, 7 * MINUTE)
        await con.execute("insert into batch (id, digest, readings) values ('sent', $1, 1)", sent().digest)
        if number > 70:  # from then on, whoever writes names the series
            await con.execute("insert into series select 'line ' || line from generate_series(1, 3) as line")
        await migrate(engine.url, schema, engine.server, lambda _: None)
        async with open_store(engine.url, settings["search_path"], engine.server) as store:
            await compare(store, con)
            assert await store.batches.write([sent()], Receipt()) == [Outcome.DUPLICATE]
            assert [name for (name,) in await con.fetch("select name from series")] == ["line 1", "line 2", "line 3"]
    finally:
        await con.close()


async def test_replicas_of_that_version_go_on(engine: Engine, schema: str, earlier: Connection) -> None:
    """The functions that they call still exist; on the Apache edition 046 says that these replicas have to be
    stopped."""
    if engine.server.edition != "community":
        pytest.skip("the Apache edition has no late marks any more")
    day = NOW.replace(hour=0, minute=0) - 5 * DAY
    before = await earlier.fetch(ASKED_BY_THAT_VERSION, day)
    assert all(before[0])
    await migrate(engine.url, schema, engine.server, lambda _: None)
    assert await earlier.fetch(ASKED_BY_THAT_VERSION, day) == before


async def test_the_series_of_all_readings_are_named(engine: Engine, schema: str, earlier: Connection) -> None:
    """Late readings, which the rollups don't show yet, are among them."""
    for number, ago in enumerate((8 * DAY, 5 * DAY, MINUTE)):
        late = "insert into reading (ts, series, plan) values ($1, $2, 1)"
        await earlier.execute(late, NOW - ago, f"late {number}")
        await earlier.execute(MARK, NOW - ago, NOW - ago, MINUTE)
    expected = [name for (name,) in await earlier.fetch("select distinct series from reading")]
    await migrate(engine.url, schema, engine.server, lambda _: None)
    assert len(expected) == 6
    assert [name for (name,) in await earlier.fetch("select name from series")] == sorted(expected)


async def test_notes_are_found_that_were_written_before(engine: Engine, schema: str, earlier: Connection) -> None:
    taken = NOW - 2 * DAY
    await earlier.execute(
        "insert into reading (ts, series, fact, attributes) values ($1, 'line 1', null, $2), ($1, 'line 2', 1, $2)",
        taken,
        '{"note": "film torn"}',
    )
    await migrate(engine.url, schema, engine.server, lambda _: None)
    found = await earlier.fetch(query("notes"), NOW - 9 * DAY, NOW, None, 500)
    assert [tuple(row) for row in found] == [(taken, "line 1", "film torn")]


async def test_the_apache_edition_has_no_marks(engine: Engine, schema: str, earlier: Connection) -> None:
    if engine.server.edition != "apache":
        pytest.skip("the community edition marks late readings")
    await migrate(engine.url, schema, engine.server, lambda _: None)
    names = await earlier.fetch(
        "select relname as name from pg_class where relnamespace = current_schema()::regnamespace union all "
        "select proname from pg_proc where pronamespace = current_schema()::regnamespace"
    )
    assert [name for (name,) in names if "late" in name or "job" in name or "due" in name] == []


async def compare(store: Store, con: Connection) -> None:
    """Compare charts and pages with what the readings themselves add up to."""
    for start, step in (("now-1h", "1m"), ("now-2d", "15m"), ("now-9d", "1h"), ("now-9d", "1d")):
        period = make_period(start, "now+1m", step, "UTC", NOW, 500)
        counted = await con.fetch(COUNTED, period.start, period.end, timedelta(seconds=period.seconds))
        for panels in (None, 10):
            drawn = (await store.buckets.read(BucketQuestion(period, "sum", ALL_SERIES, panels))).panels
            buckets = [msgspec.structs.astuple(bucket) for panel in drawn for bucket in panel.buckets]
            if panels is None:
                assert buckets == [tuple(row) for row in counted]
            assert sum(bucket[3] for bucket in buckets) == sum(row["readings"] for row in counted)
    total = await con.fetchval("select count(*) from reading")
    assert await store.records.count() == total
    page = await store.records.at(total // 2, 25, Selection(), down=True)
    rows = await con.fetch("select ts from reading order by ts desc, id desc limit 25 offset $1", total // 2)
    assert [one.ts for one in page.items] == [ts for (ts,) in rows]
    begin = NOW - timedelta(hours=1)
    [row] = await con.fetch("select sum(plan), sum(fact), count(*) from reading where ts >= $1 and ts < $2", begin, NOW)
    found = await store.overview.totals(Selection(begin, NOW), NOW)
    assert (found.plan, found.fact, found.readings) == tuple(row)
