"""What is due and what is missed: plan against fact at a given time, compared with the same in plain Python."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.intake.batch import Receipt
from service.intake.reading import Reading
from service.period.selection import Selection, SeriesFilter
from service.store import Store
from service.store.totals import Totals, Worst
from tests.batches import packed
from tests.examples import examples

pytestmark = pytest.mark.anyio

Row = tuple[int, str, int | None, int | None]
MINUTE = timedelta(minutes=1)
NUMBERS = count(1)
VALUES = st.one_of(st.none(), st.integers(-20, 100))
ROWS = st.lists(
    st.tuples(st.integers(-12 * 60, 12 * 60), st.sampled_from("abc"), VALUES, VALUES), min_size=1, max_size=30
)
"""Seconds from the beginning of the running minute, series, plan, fact."""
CHOSEN = st.one_of(st.none(), st.sets(st.sampled_from("abc"), min_size=1))


def expected(rows: list[Row], running: datetime, selection: Selection) -> Totals:
    """The rules in Python: only minutes that are over count, and a missing fact in them is 0."""
    plans: dict[datetime, list[int]] = defaultdict(list)
    facts: dict[datetime, list[int]] = defaultdict(list)
    target: dict[datetime, list[int]] = defaultdict(list)
    readings = 0
    for second, series, plan, fact in rows:
        minute = running + second // 60 * MINUTE
        if not selection.start <= minute < selection.end or (
            selection.series.names and series not in selection.series.names
        ):
            continue
        readings += 1
        target[minute] += [] if plan is None else [plan]
        if minute < running:
            plans[minute] += [] if plan is None else [plan]
            facts[minute] += [] if fact is None else [fact]
    planned = {minute: sum(some) for minute, some in plans.items() if some}
    done = {minute: sum(some) for minute, some in facts.items() if some}
    gaps = [(done.get(minute, 0) - plan, minute) for minute, plan in planned.items()]
    missed = [(gap, -minute.timestamp(), minute) for gap, minute in gaps if gap < 0]
    worst = min(missed)[2] if missed else None
    return Totals(
        sum(planned.values()) if planned else None,
        sum(done.values()) if planned or done else None,
        readings,
        None if worst is None else Worst(worst, planned[worst], done.get(worst, 0)),
        min(selection.end, running),
        sum(map(sum, target.values())) if any(target.values()) else None,
        len(planned.keys() | done.keys()) * MINUTE,
        sum(minute >= running and bool(some) for minute, some in target.items()) * MINUTE,
    )


@examples(0.25)
@given(ROWS, ROWS, CHOSEN, st.integers(-12, 0), st.integers(-2, 12), st.floats(0, 59.9))
async def test_totals_and_worst_minute_are_of_what_is_due(
    store: Store, rows: list[Row], late: list[Row], chosen: set[str] | None, first: int, until: int, second: float
) -> None:
    """At any second of the running minute, for plans and facts before and after it, some of which are only written
    after the rollups were refreshed. Each example has an hour of its own."""
    running = datetime.now(UTC).replace(minute=30, second=0, microsecond=0) - next(NUMBERS) * timedelta(hours=1)
    series = SeriesFilter(tuple(sorted(chosen)) if chosen else None)
    selection = Selection(
        running + first * MINUTE, max(running + until * MINUTE, running + (first + 1) * MINUTE), series
    )
    now = running + timedelta(seconds=second)
    written: list[Row] = []
    for some in (rows, late):
        await store.batches.write([packed(None, *(reading(running, row) for row in some))], Receipt())
        written += some
        assert await store.overview.totals(selection, now) == expected(written, running, selection)
        if store.server.edition == "community":
            await store.rollups.refresh_late()
            assert await store.overview.totals(selection, now) == expected(written, running, selection)


def reading(running: datetime, row: Row) -> Reading:
    ts = round((running + timedelta(seconds=row[0])).timestamp() * 1e6)
    return Reading(ts, row[1], row[2], row[3], None)


async def test_facts_that_stop_are_the_worst_there_is(store: Store) -> None:
    """The plan is known in advance, and facts came until eleven minutes ago. Facts that didn't come are missed; those
    of the future aren't."""
    running = datetime.now(UTC).replace(second=0, microsecond=0)
    rows = [(60 * minute, "line", 10, 9 if minute < -11 else None) for minute in range(-30, 30)]
    await store.batches.write([packed(None, *(reading(running, row) for row in rows))], Receipt())
    found = await store.overview.totals(Selection(running - 30 * MINUTE, running + 30 * MINUTE), running + MINUTE / 2)
    assert (found.plan, found.fact, found.readings) == (300, 19 * 9, 60)
    assert found.worst == Worst(running - MINUTE, 10, 0)
    assert found.fulfilment == pytest.approx(57)
    assert (found.target, found.passed, found.left) == (600, 30 * MINUTE, 30 * MINUTE)
    standing = found.standing
    assert standing.ahead == -129
    assert standing.minutes_ahead == pytest.approx(-12.9)
    assert standing.forecast == pytest.approx(342)
    assert standing.needed_an_hour == 2 * (600 - 171)


async def test_the_running_minute_is_never_the_worst(store: Store) -> None:
    running = datetime.now(UTC).replace(second=0, microsecond=0)
    rows: list[Row] = [(-60, "line", 10, 9), (0, "line", 600, 5)]
    await store.batches.write([packed(None, *(reading(running, row) for row in rows))], Receipt())
    selection = Selection(running - MINUTE, running + MINUTE)
    before = await store.overview.totals(selection, running + MINUTE - timedelta(microseconds=1))
    assert (before.plan, before.fact, before.worst) == (10, 9, Worst(running - MINUTE, 10, 9))
    after = await store.overview.totals(selection, running + MINUTE)
    assert (after.plan, after.fact, after.worst) == (610, 14, Worst(running, 600, 5))


async def test_nothing_due_is_no_zero(store: Store) -> None:
    running = datetime.now(UTC).replace(second=0, microsecond=0)
    await store.batches.write([packed(None, reading(running, (60, "line", 10, None)))], Receipt())
    found = await store.overview.totals(Selection(running - MINUTE, running + 5 * MINUTE), running)
    assert found == Totals(None, None, 1, None, running, 10, timedelta(), MINUTE)
    assert (found.fulfilment, found.standing.ahead, found.standing.forecast) == (None, None, None)
    assert found.standing.needed_an_hour == 600
