"""Corrections: what goes, what comes, and that it is exact at once, in the row store and in the columnstore."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from service.errors import BatchMismatch, HasChanged, TooLarge
from service.intake.batch import Packed, Receipt
from service.intake.reading import Reading, now_microseconds
from service.intake.timestamps import MINUTE, moment_of
from service.period.bucket import BucketQuestion
from service.period.selection import ALL_SERIES, Selection, SeriesFilter
from service.period.steps import make_period
from service.store import Corrected, Correction, Store, correcting
from service.store.queries import query
from tests.batches import packed
from tests.conftest import Engine, run_jobs
from tests.database import connected

pytestmark = pytest.mark.anyio

DAY = 24 * 60 * MINUTE
COMPRESSED = """
select array_agg(is_compressed)
from timescaledb_information.chunks
where hypertable_schema = $1 and hypertable_name = 'reading'
"""


async def write(store: Store, *readings: Reading) -> None:
    await store.batches.write([packed(None, *readings)], Receipt())


def at(ts: int, plan: float | None = 1, fact: float | None = 1, attributes: bytes | None = None) -> Reading:
    return Reading(ts, "s", plan, fact, attributes)


def correction(
    start: int, end: int, field: str | None = None, batch: Packed | None = None, **more: object
) -> Correction:
    made = Correction(series=["s"], start=moment_of(start), end=moment_of(end), by="me", field=field, batch=batch)
    return made if not more else Correction(**{name: getattr(made, name) for name in made.__struct_fields__} | more)


async def content(engine: Engine, schema: str) -> list[tuple[float | None, float | None]]:
    async with connected(engine, schema) as con:
        return [tuple(row) for row in await con.fetch("select plan, fact from reading order by ts, id")]


async def charted(store: Store) -> list[tuple[float | None, float | None, int]]:
    period = make_period("now-40d", "now+1h", "1h", "UTC", datetime.now(UTC), 1500)
    panels = (await store.buckets.read(BucketQuestion(period, "sum", ALL_SERIES))).panels
    return [(one.plan, one.fact, one.readings) for panel in panels for one in panel.buckets]


async def test_each_field_by_itself(store: Store, engine: Engine, schema: str) -> None:
    now = now_microseconds()
    first = now - 5 * MINUTE
    rows = [at(first, 1, None), at(first + 1, 2, 2), at(first + 2, None, 3), at(first + 3, 4, None, b'{"a":1}')]
    await write(store, *rows)
    new = packed(None, at(first + 1, 7, None))
    done = await store.corrections.make(correction(first, first + 10, "plan", new))
    assert done == Corrected(removed=1, changed=2, written=1)
    assert sorted(await content(engine, schema), key=repr) == [(7, None), (None, 2), (None, 3), (None, None)]
    assert await store.corrections.make(correction(first, first + 10, "fact")) == Corrected(removed=2, changed=0)
    assert sorted(await content(engine, schema), key=repr) == [(7, None), (None, None)]
    assert await store.corrections.make(correction(first, first + 10)) == Corrected(removed=2)
    assert await content(engine, schema) == []


@pytest.mark.parametrize("at_once", [False, True])
async def test_in_the_columnstore_after_a_refresh(store: Store, engine: Engine, schema: str, at_once: bool) -> None:
    """Whole series of a chunk, which TimescaleDB might drop without a look at the readings, and parts of one before."""
    if store.server.edition == "apache":
        pytest.skip("only the community edition has a columnstore")
    old = (now_microseconds() - 30 * DAY) // DAY * DAY
    await write(store, *(at(old + number * MINUTE, 1, 2) for number in range(1000)))
    await write(store, *(Reading(old + number * MINUTE, "other", 5, 5, None) for number in range(100)))
    await run_jobs(store)
    await store.rollups.refresh_late()
    async with connected(engine, schema) as con:
        assert await con.fetchval(COMPRESSED, schema) == [True]
    before = await charted(store)
    assert sum(row[2] for row in before) == 1100
    parts = (
        (correction(old + 500 * MINUTE, old + 600 * MINUTE), 1000),
        (correction(old, old + 100 * MINUTE, "fact"), 1000),
        (correction(old, old + DAY, None, packed(None, at(old + 5, 9, 9))), 101),
    )
    for asked, left in (*(() if at_once else parts), (correction(old, old + DAY), 100)):
        await store.corrections.make(asked)
        for _ in range(2):
            buckets = await charted(store)
            assert sum(row[2] for row in buckets) == left
            if store.server.edition == "community":
                await store.rollups.refresh_late()
    assert sum(row[0] or 0 for row in await charted(store)) == 500


async def test_tags_and_ids(store: Store, engine: Engine, schema: str) -> None:
    start = now_microseconds() - 10 * MINUTE
    end = start + 5 * MINUTE
    await write(store, at(start + 1))
    tag = await store.corrections.tag(["s"], moment_of(start), moment_of(end))
    done = await store.corrections.make(correction(start, end, "plan", tags=[tag], id="one", digest=b"1"))
    assert (done.changed, done.tag) == (1, await store.corrections.tag(["s"], moment_of(start), moment_of(end)))
    with pytest.raises(HasChanged):
        await store.corrections.make(correction(start, end, tags=[tag]))
    again = await store.corrections.make(correction(start, end, "plan", tags=[tag], id="one", digest=b"1"))
    assert again == Corrected(duplicate=True)
    with pytest.raises(BatchMismatch):
        await store.corrections.make(correction(start, end, id="one", digest=b"2"))
    assert (await store.corrections.make(correction(start, end, tags=["*"]))).removed == 1
    with pytest.raises(HasChanged):
        await store.corrections.make(correction(start, end, tags=["*"]))
    entries = await store.corrections.made(Selection(), None, 10)
    assert [(one.field, one.removed, one.changed, one.batch) for one in entries] == [
        (None, 1, 0, None),
        ("plan", 0, 1, "one"),
    ]
    hidden = Selection(series=SeriesFilter(None, ("t*",)))
    assert await store.corrections.made(hidden, None, 10) == []


async def test_corrections_take_turns(store: Store, engine: Engine, schema: str) -> None:
    """Of the same range, at once, beside producers: one of them is there in the end, and all that producers sent
    after."""
    start = now_microseconds() - 10 * MINUTE
    end = start + 5 * MINUTE

    async def replace(number: int) -> None:
        rows = [at(start + 1 + place, number, number) for place in range(5)]
        assert (await store.corrections.make(correction(start, end, None, packed(None, *rows)))).written == 5

    async def send() -> None:
        for number in range(20):
            await write(store, at(end + number, 0, 0))

    await asyncio.gather(*(replace(number) for number in range(1, 9)), send())
    found = await content(engine, schema)
    assert len(found) == 25
    assert len({row for row in found if row != (0, 0)}) == 1
    buckets = await charted(store)
    assert sum(row[2] for row in buckets) == 25


async def test_another_replica_waits(store: Store, engine: Engine, schema: str) -> None:
    start = now_microseconds() - 10 * MINUTE
    async with connected(engine, schema) as con, con.transaction():
        if engine.server.embedded:
            pytest.skip("the embedded engine has a single session")
        await con.execute(query("correct_alone"))
        waiting = asyncio.create_task(store.corrections.make(correction(start, start + MINUTE)))
        await asyncio.sleep(0.5)
        assert not waiting.done()
    assert await asyncio.wait_for(waiting, timedelta(seconds=5).total_seconds()) == Corrected()


async def test_what_takes_too_long_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    start = now_microseconds() - 10 * MINUTE
    await write(store, at(start + 1))
    with monkeypatch.context() as patch:
        patch.setattr(correcting, "LIMIT", 0.0)
        with pytest.raises(TooLarge, match="shorter range"):
            await store.corrections.make(correction(start, start + MINUTE))
    assert await store.corrections.make(correction(start, start + MINUTE)) == Corrected(removed=1)
