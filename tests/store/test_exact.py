"""Whatever is written, refreshed and refused, and in whatever order, every rollup equals the result of GROUP BY."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import count

import asyncpg
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.errors import BadReading, Unavailable
from service.intake.batch import Packed, Receipt
from service.intake.reading import Reading, now_microseconds
from service.intake.timestamps import moment_of
from service.period.bucket import BucketQuestion
from service.period.selection import ALL_SERIES
from service.period.steps import make_period
from service.store import Correction, Store, open_store, slices
from service.store.migrate import migrate, search_path
from tests.batches import broken, packed, rows_of
from tests.conftest import Engine, run_jobs
from tests.database import connected
from tests.examples import examples

pytestmark = pytest.mark.anyio

SECOND = 1_000_000
MINUTE, HOUR, DAY = 60 * SECOND, 3600 * SECOND, 86_400 * SECOND

AGES = st.one_of(
    st.integers(-5 * MINUTE, 50 * SECOND),
    st.integers(50 * SECOND, 5 * MINUTE),
    st.integers(50 * MINUTE, 3 * HOUR),
    st.integers(0, 20 * MINUTE).map(lambda age: age + 2 * DAY),
    st.integers(0, 20 * MINUTE).map(lambda age: age + 9 * DAY),
    st.integers(0, 20 * MINUTE).map(lambda age: age + 31 * DAY),
)
"""Ages of readings: on time, nearly late, late for each of the rollups, in the columnstore, and older than what
policies refresh."""
VALUES = st.one_of(st.none(), st.integers(-(10**6), 10**6))
READINGS = st.tuples(AGES, st.sampled_from("abc"), VALUES, VALUES)
BATCHES = st.lists(READINGS, min_size=1, max_size=6)
CORRECTIONS = st.tuples(
    AGES,
    st.sampled_from((SECOND, 40 * SECOND, 3 * MINUTE, 2 * HOUR, 10 * DAY, 60 * DAY)),
    st.sets(st.sampled_from("abc"), min_size=1),
    st.sampled_from((None, None, "plan", "fact")),
    st.lists(st.tuples(st.integers(0, 999), VALUES, VALUES), max_size=4),
)
"""Corrections: the age of the end of the range, its length, the series, the field, and what comes in the place of the
readings, each with its place in the range, in thousandths."""
OPERATIONS = st.one_of(
    st.tuples(st.just("write"), BATCHES),
    st.tuples(st.just("write"), BATCHES),
    st.tuples(st.just("write together"), st.lists(BATCHES, min_size=2, max_size=3)),
    st.tuples(st.just("write while late minutes are refreshed"), BATCHES),
    st.tuples(st.just("write while policies run"), BATCHES),
    st.tuples(st.just("send again"), st.integers(0, 10)),
    st.tuples(st.just("send other content"), st.integers(0, 10)),
    st.tuples(st.just("send what is refused"), BATCHES),
    st.tuples(st.just("write while minutes are kept close"), BATCHES),
    st.tuples(st.just("write while slices are made"), BATCHES),
    st.tuples(st.just("correct"), CORRECTIONS),
    st.tuples(st.just("correct"), CORRECTIONS),
    st.tuples(st.just("correct while late minutes are refreshed"), CORRECTIONS),
    st.tuples(st.just("correct while policies run"), CORRECTIONS),
    st.tuples(st.just("correct while minutes are kept close"), CORRECTIONS),
    st.tuples(st.just("correct while slices are made"), CORRECTIONS),
    st.tuples(st.just("correct together"), st.lists(CORRECTIONS, min_size=2, max_size=3)),
    st.tuples(st.just("make slices"), st.none()),
    st.tuples(st.just("refresh late minutes"), st.none()),
    st.tuples(st.just("keep minutes close"), st.none()),
    st.tuples(st.just("run policies"), st.none()),
)

DIFFERENCES = """
select kept, counted
from reading_{unit} kept
full join (
  select
    time_bucket(interval '{length}', ts) as bucket,
    series,
    count(*) as readings,
    sum(plan) as plan_sum,
    count(plan) as plan_count,
    min(plan) as plan_min,
    max(plan) as plan_max,
    last(plan, ts) filter (where plan is not null) as plan_last,
    sum(fact) as fact_sum,
    count(fact) as fact_count,
    min(fact) as fact_min,
    max(fact) as fact_max,
    last(fact, ts) filter (where fact is not null) as fact_last
  from reading
  group by 1, 2
) counted on counted.bucket = kept.bucket and counted.series = kept.series
where kept::text is distinct from counted::text
"""


LENGTHS = {"minute": "1 minute", "quarter": "15 minutes", "hour": "1 hour", "day": "1 day"}

STEPS_OF_INDIA = """
select
  date_bin($3, ts, '2000-01-01 18:30+00') as bucket,
  sum(plan) as plan,
  sum(fact) as fact,
  count(*) as readings
from reading
where ts >= $1 and ts < $2
group by 1
order by 1
"""


IN_RANGE = """
select series, plan, fact
from reading
where ts >= $1 and ts < $2 and series = any($3)
order by 1, 2, 3
"""
Asked = tuple[int, int, set[str], str | None, list[tuple[int, int | None, int | None]]]
"""One of CORRECTIONS."""


async def _together(*work: Awaitable[None]) -> None:
    """Do all of it at once, to its end, whatever fails."""
    for result in await asyncio.gather(*work, return_exceptions=True):
        if result is not None:
            raise result


class Machine:
    """A store with its history of batches."""

    def __init__(self, store: Store, con: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._store, self._con = store, con
        self._numbers = count()
        self._sent: list[Packed] = []

    async def do(self, operation: str, what: object) -> None:
        match operation, what:
            case "write", list():
                await self._write(what)
            case "write together", list():
                await _together(*(self._write(one) for one in what))
            case "write while late minutes are refreshed", list():
                await _together(self._write(what), self._refresh_late(), self._write(what))
            case "write while minutes are kept close", list():
                await _together(self._write(what), self._keep_close(), self._write(what))
            case "write while slices are made", list():
                await _together(self._write(what), self._make_slices(), self._write(what))
            case "correct", tuple():
                await self._correct(what)
            case "correct together", list():
                await _together(*(self._change(one) for one in what), self._write([(0, "a", 1, 1)]))
            case "correct while late minutes are refreshed", tuple():
                await _together(self._change(what), self._refresh_late(), self._write([(HOUR, "b", 2, 2)]))
            case "correct while policies run", tuple():
                await _together(self._change(what), self._run_policies())
            case "correct while minutes are kept close", tuple():
                await _together(self._change(what), self._keep_close(), self._change(what))
            case "correct while slices are made", tuple():
                await _together(self._change(what), self._make_slices(), self._change(what))
            case "make slices", _:
                await self._make_slices()
            case "keep minutes close", _:
                await self._keep_close()
            case "write while policies run", list():
                await _together(self._write(what), self._run_policies(), self._write(what))
            case "send again", int() if self._sent:
                await self._send(self._sent[what % len(self._sent)])
            case "send other content", int() if self._sent:
                await self._send(self._pack([(0, "a", 1, 1)], self._sent[what % len(self._sent)].id))
            case "send what is refused", list():
                with pytest.raises(BadReading):
                    await self._store.batches.write([self._pack(what, None), broken()], Receipt())
            case "refresh late minutes", _:
                await self._refresh_late()
            case "run policies", _:
                await self._run_policies()

    async def check(self) -> None:
        """Compare the rollups with the readings, and three charts: by minutes of the last hours, by hours of the last
        month, and by days of the last years. The time zone is one whose hours and days begin within those of UTC."""
        for unit, length in LENGTHS.items():
            assert await self._con.fetch(DIFFERENCES.format(unit=unit, length=length)) == []
        for since, step in (("now-4h", "1m"), ("now-32d", "1h"), ("now-1400d", "1d")):
            period = make_period(since, "now+1h", step, "Asia/Kolkata", datetime.now(UTC), 1500)
            [*panels] = (await self._store.buckets.read(BucketQuestion(period, "sum", ALL_SERIES))).panels
            drawn = [msgspec.structs.astuple(bucket) for panel in panels for bucket in panel.buckets]
            counted = await self._con.fetch(STEPS_OF_INDIA, period.start, period.end, timedelta(seconds=period.seconds))
            assert drawn == [tuple(row) for row in counted]

    async def _write(self, rows: list[tuple[int, str, int | None, int | None]]) -> None:
        self._sent.append(self._pack(rows, f"batch {next(self._numbers)}"))
        await self._send(self._sent[-1])

    async def _send(self, batch: Packed) -> None:
        await self._store.batches.write([batch], Receipt())

    def _pack(self, rows: list[tuple[int, str, int | None, int | None]], batch_id: str | None) -> Packed:
        """All readings have different times, so that the last one is defined."""
        now = now_microseconds() // 10**4 * 10**4
        readings = [
            Reading((now - age) // 10**4 * 10**4 + next(self._numbers) % 10**4, series, plan, fact, None)
            for age, series, plan, fact in rows
        ]
        return packed(batch_id, *readings)

    async def _correct(self, what: Asked) -> None:
        """Make a correction, and look at what is there then."""
        asked = self._correction(what)
        before = await self._con.fetch(IN_RANGE, *asked.range)
        done = await self._store.corrections.make(asked)
        after = [tuple(row) for row in await self._con.fetch(IN_RANGE, *asked.range)]
        kept = {
            None: [],
            "plan": [(series, None, fact) for series, plan, fact in before if fact is not None or plan is None],
            "fact": [(series, plan, None) for series, plan, fact in before if plan is not None or fact is None],
        }[asked.field]
        came = [] if asked.batch is None else [(row.series, row.plan, row.fact) for row in rows_of(asked.batch)]
        assert sorted(after, key=repr) == sorted((*kept, *came), key=repr)
        assert (done.removed, done.written) == (len(before) - len(kept), len(came))

    async def _change(self, what: Asked) -> None:
        with suppress(Unavailable):  # TimescaleDB's own jobs may be working on the same chunk
            await self._store.corrections.make(self._correction(what))

    def _correction(self, what: Asked) -> Correction:
        age, length, series, field, rows = what
        now = now_microseconds() // 10**4 * 10**4
        start = now - age - length
        names = sorted(series)
        readings = [
            Reading(
                (start + place * (length // 1000)) // 10**4 * 10**4 + next(self._numbers) % 10**4,
                names[place % len(names)],
                None if field == "fact" else plan,
                None if field == "plan" else fact,
                None,
            )
            for place, plan, fact in rows
        ]
        ends = moment_of(start // 10**4 * 10**4), moment_of(now - age + 10**4)
        batch = packed(None, *readings) if readings else None
        return Correction(series=names, start=ends[0], end=ends[1], by="a test", field=field, batch=batch)

    async def _refresh_late(self) -> None:
        if self._store.server.edition == "community":
            with suppress(Unavailable):  # the server's own worker may be refreshing
                await self._store.rollups.refresh_late()

    async def _keep_close(self) -> None:
        if self._store.server.edition == "community":
            with suppress(Unavailable):
                await self._store.rollups.keep_close()

    async def _make_slices(self) -> None:
        if self._store.server.edition == "community":
            await self._store.slices.renew()

    async def _run_policies(self) -> None:
        if self._store.server.edition == "community":
            # or BadReading, where a chunk can't be converted while readings in it are corrected; the job tries again
            with suppress(Unavailable, BadReading):
                await run_jobs(self._store)

    async def import_days(self, days: range, a_day: int) -> None:
        """Write late readings on each of these days, counted back from now."""
        spread: list[tuple[int, str, int | None, int | None]] = [
            (day * DAY + number * 77 * MINUTE, "abc"[number % 3], day % 10, number)
            for day in days
            for number in range(a_day)
        ]
        await self._write(spread)


@pytest.fixture
async def machine(engine: Engine, schema: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Machine]:
    """A machine that makes slices however few readings there are."""
    monkeypatch.setattr(slices, "WORTH", 1)
    await migrate(engine.url, schema, engine.server, lambda _: None)
    path = search_path(schema, engine.server)
    con = await asyncpg.connect(engine.url, server_settings={"search_path": path, "timezone": "UTC", "jit": "off"})
    async with open_store(engine.url, path, engine.server) as store:
        try:
            yield Machine(store, con)
        finally:
            await con.close()


@examples(0.1)
@given(operations=st.lists(OPERATIONS, min_size=5, max_size=8))
async def test_every_rollup_is_exact_after_any_interleaving(
    machine: Machine, operations: list[tuple[str, object]]
) -> None:
    """The examples follow each other in one schema, in which the rollups have to be exact at any time."""
    for operation, what in operations:
        await machine.do(operation, what)
        if operation not in ("write", "correct"):
            await machine.check()
    await machine.check()


async def test_every_rollup_is_exact_during_an_import(machine: Machine, engine: Engine, schema: str) -> None:
    """Years of readings come in no order, beside live ones, policies and refreshes; with many marks far apart."""
    await machine.do("write", [(0, "a", 1, 1)])
    for first, step, a_day in ((700, 40, 1), (400, 1, 30), (3, 7, 2), (390, 2, 4)):
        days = range(first, first + 12 * step, step)
        await asyncio.gather(machine.import_days(days, a_day), machine.do("refresh late minutes", None))
        await machine.do("write while policies run", [(20, "b", 2, 2)])
        await machine.check()
        await asyncio.gather(machine.do("refresh late minutes", None), machine.check())
    await machine.do("refresh late minutes", None)
    await machine.check()


async def test_marks_far_apart_are_read_in_few_statements(machine: Machine, engine: Engine, schema: str) -> None:
    """There is a statement for each run, and as many runs as are allowed, however many minutes are marked. They are
    divided where most of the time between them is left out."""
    if engine.server.edition != "community":
        pytest.skip("the Apache edition has no marks")
    await machine.import_days(range(10, 310), 2)
    await machine.import_days(range(600, 602), 2)
    async with connected(engine, schema) as con:
        runs = await con.fetch("select starts, ends from late_runs('1 minute', '-infinity', 'infinity', 50)")
        assert len(runs) == 50
        assert sum(((run["ends"] - run["starts"]) for run in runs), timedelta()) < timedelta(days=302)
        assert len(await con.fetch("select from late_runs('1 day', '-infinity', 'infinity', 50)")) <= 4
        assert await con.fetchval("select count(*) from late_runs('1 minute', '-infinity', 'infinity', 1000)") > 590
    await machine.check()
