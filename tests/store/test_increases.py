"""What counters have risen by: differences of the last values of minutes, compared with the same in plain Python."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.intake.batch import Receipt
from service.intake.reading import Reading
from service.period.bucket import BucketQuestion
from service.period.selection import SeriesFilter
from service.period.steps import make_period
from service.store import Store
from tests.batches import packed
from tests.examples import examples

pytestmark = pytest.mark.anyio

Row = tuple[int, str, int | None, int]
NUMBERS = count(1)
SECONDS = st.one_of(st.integers(-3 * 3600, 2 * 3600), st.integers(-40 * 86400, 0))
ROWS = st.lists(
    st.tuples(SECONDS, st.sampled_from("ab"), st.one_of(st.none(), st.integers(0, 9)), st.integers(0, 50)),
    min_size=1,
    max_size=40,
    unique_by=lambda row: row[0],
)
"""Seconds from the beginning of the period, counter, plan, value."""


def oracle(
    rows: list[Row], start: datetime, end: datetime, minutes: int
) -> dict[datetime, tuple[float | None, float | None]]:
    """Plan and increase of each step that has readings."""
    steps: dict[datetime, tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    values: dict[str, dict[datetime, int]] = defaultdict(dict)
    for second, series, plan, value in sorted(rows):
        at = start + timedelta(seconds=second)
        if start <= at < end:
            step = start + (at - start) // timedelta(minutes=minutes) * timedelta(minutes=minutes)
            steps[step][0].extend([] if plan is None else [plan])
        values[series][at.replace(second=0)] = value
    for found in values.values():
        oldest = start.replace(minute=0) - timedelta(days=31)
        kept = [(at, value) for at, value in sorted(found.items()) if at >= oldest]
        for (_, before), (at, value) in pairwise(kept):
            if start <= at < end:
                step = start + (at - start) // timedelta(minutes=minutes) * timedelta(minutes=minutes)
                steps[step][1].append(value - before if value >= before else value)
    return {at: (sum(plans) if plans else None, sum(risen) if risen else None) for at, (plans, risen) in steps.items()}


@examples(0.1)
@given(ROWS, ROWS, st.sampled_from([1, 5, 60]))
async def test_counters_rise_by_the_differences_of_their_values(
    store: Store, rows: list[Row], late: list[Row], minutes: int
) -> None:
    """With resets, gaps, two counters at once, and values that come out of order and late."""
    start = datetime(2025, 6, 1, 10, 0, tzinfo=UTC)
    name, end = next(NUMBERS), start + timedelta(hours=2)
    step = {1: "1m", 5: "5m", 60: "1h"}[minutes]
    period = make_period(start.isoformat(), end.isoformat(), step, "UTC", end, 1500)
    question = BucketQuestion(period, "increase", SeriesFilter((f"{name} a", f"{name} b")))
    written: list[Row] = []
    for some in (rows, [row for row in late if row[0] not in {second for second, *_ in rows}]):
        readings = [
            Reading(
                round((start + timedelta(seconds=row[0])).timestamp() * 1e6), f"{name} {row[1]}", row[2], row[3], None
            )
            for row in some
        ]
        if readings:
            await store.batches.write([packed(None, *readings)], Receipt())
        written += some
        found = {
            one.bucket: (one.plan, one.fact)
            for panel in (await store.buckets.read(question)).panels
            for one in panel.buckets
        }
        assert found == oracle(written, start, end, minutes)
        if store.server.edition == "community":
            await store.rollups.refresh_late()
