"""The facts of an earlier time in the place of the plans."""

from datetime import UTC, datetime, timedelta

import pytest

from service.errors import BadRequest
from service.intake.batch import Receipt
from service.intake.reading import Reading
from service.period.bucket import Bucket, BucketQuestion, RunningBucket
from service.period.earlier import Earlier
from service.period.running import running_totals
from service.period.selection import SeriesFilter
from service.period.steps import make_period
from service.store import Store
from tests.batches import packed

pytestmark = pytest.mark.anyio

HOUR, WEEK = timedelta(hours=1), timedelta(days=7)


async def write(store: Store, *rows: tuple[datetime, str, float | None, float | None]) -> None:
    readings = [Reading(round(ts.timestamp() * 1e6), series, plan, fact, None) for ts, series, plan, fact in rows]
    await store.batches.write([packed(None, *readings)], Receipt())


async def test_each_step_has_the_fact_of_the_same_time_by_the_clock(store: Store) -> None:
    """In the night in which the clock of Berlin goes back, an hour comes twice: seven days before it came once."""
    night = datetime(2025, 10, 25, 22, 0, tzinfo=UTC)  # midnight in Berlin
    series = SeriesFilter(("earlier",))
    await write(store, *((night + n * HOUR, "earlier", 1000, 10 + n) for n in range(6)))
    await write(store, *((night - WEEK + n * HOUR, "earlier", 500, 100 + n) for n in range(6)))
    period = make_period("2025-10-26T00:00", "2025-10-26T05:00", "1h", "Europe/Berlin", night, 1500)
    question = BucketQuestion(period, series=series, earlier=Earlier(1, "w"))
    [panel] = (await store.buckets.read(question)).panels
    assert [(one.plan, one.fact) for one in panel.buckets] == [
        (100, 10),
        (101, 11),
        (None, 12),
        (102, 13),
        (103, 14),
        (104, 15),
    ]
    totals = running_totals("period", period, night + 4 * HOUR)
    [panel] = (await store.buckets.read(BucketQuestion(period, "sum", series, None, totals, Earlier(7, "d")))).panels
    assert [one.ahead for one in panel.buckets if isinstance(one, RunningBucket)] == [-90, -180, -168, -257, None, None]


async def test_a_step_that_only_had_facts_then_has_a_plan(store: Store) -> None:
    start = datetime(2025, 6, 10, 8, 0, tzinfo=UTC)
    await write(store, (start - WEEK, "then", None, 7), (start + HOUR, "then", 99, 5))
    period = make_period(start.isoformat(), (start + 2 * HOUR).isoformat(), "1h", "UTC", start, 1500)
    for panels in (None, 12):
        question = BucketQuestion(period, series=SeriesFilter(("then",)), panels=panels, earlier=Earlier(7, "d"))
        [panel] = (await store.buckets.read(question)).panels
        assert panel.buckets == (Bucket(start, 7, None, 0), Bucket(start + HOUR, None, 5, 1))


async def test_more_series_than_panels_are_refused(store: Store) -> None:
    start = datetime(2025, 6, 11, 8, 0, tzinfo=UTC)
    names = tuple(f"many {number}" for number in range(3))
    await write(store, *((start, name, 1, 1) for name in names))
    period = make_period(start.isoformat(), (start + HOUR).isoformat(), "1h", "UTC", start, 1500)
    with pytest.raises(BadRequest, match="plan: is for at most 2 panels; choose series"):
        await store.buckets.read(BucketQuestion(period, series=SeriesFilter(names), panels=2, earlier=Earlier(7, "d")))
