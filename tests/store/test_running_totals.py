"""Running totals: what is planned, done and ahead at the end of each step, compared with the same in plain Python."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from service.intake.batch import Receipt
from service.intake.reading import Reading
from service.period.bucket import BucketQuestion, RunningBucket
from service.period.open_hours import OpenHours
from service.period.running import CUMULATIVE, Cumulative, running_totals
from service.period.selection import SeriesFilter
from service.period.shifts import Shifts
from service.period.steps import Period, make_period
from service.store import Store
from tests.batches import packed
from tests.examples import examples

pytestmark = pytest.mark.anyio

Row = tuple[int, str, int | None, int | None]
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
VALUES = st.one_of(st.none(), st.integers(-20, 100))
ROWS = st.lists(
    st.tuples(st.integers(-50 * 60, 30 * 60), st.sampled_from("abc"), VALUES, VALUES), min_size=1, max_size=40
)
"""Minutes from the running one on, series, plan, fact."""
CHANGES = (
    ("Europe/Berlin", datetime(2025, 10, 26, 1, 37, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2025, 3, 30, 2, 11, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2025, 4, 5, 16, 5, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2025, 7, 1, 19, 3, tzinfo=UTC)),
    ("UTC", datetime(2025, 7, 2, 0, 0, tzinfo=UTC)),
)
"""Zones, and running minutes near to which their clocks change, or days begin."""
HOURS = (
    None,
    OpenHours((360, 1320)),
    OpenHours((1320, 1800), (0, 1, 5)),
    OpenHours(days=(1, 2, 6)),
    OpenHours((0, 1440 - 75)),
)
NUMBERS = count(1)


SHIFTS_TEXT, BETWEEN = "early 06:00-14:00; night 22:00-06:00", range(14, 22)
"""Shifts, and the hours of the day that lie in none."""


def since(at: datetime, period: Period, kind: Cumulative) -> datetime:
    """When the totals began that run at a moment of the period, looked for minute by minute on the clock."""
    zone = ZoneInfo(period.zone)
    if kind == "period":
        return period.start
    day = at.astimezone(zone).date()
    while kind == "day":
        if (at - MINUTE).astimezone(zone).date() < day:
            return at
        at -= MINUTE
    while f"{at.astimezone(zone):%H:%M}" not in ("06:00", "22:00"):
        if at == period.start and at.astimezone(zone).hour in BETWEEN:
            return at
        at -= MINUTE
    return at


def oracle(rows: list[Row], running: datetime, period: Period, kind: Cumulative) -> list[RunningBucket]:
    """The rules, reading by reading and minute by minute."""
    first = since(period.start, period, kind)
    steps: dict[datetime, list[tuple[datetime, int | None, int | None]]] = defaultdict(list)
    for minute, _, plan, fact in rows:
        at = running + minute * MINUTE
        if first <= at < period.end and counts(at, period):
            steps[max((edge for edge in period.edges if edge <= at), default=first)].append((at, plan, fact))
    made, begun = [], None
    for start, some in sorted(steps.items()):
        if begun != (now_since := since(max(start, period.start), period, kind)):
            begun, totals = now_since, [0, 0, 0, 0]
        plans = [plan for _, plan, _ in some if plan is not None]
        facts = [fact for _, _, fact in some if fact is not None]
        due_plans = [plan for at, plan, _ in some if plan is not None and at < running]
        due_facts = [fact for at, _, fact in some if fact is not None and at < running]
        for place, numbers in enumerate((plans, facts, due_plans, due_facts)):
            totals[place] += sum(numbers)
        has_begun = start < running
        bucket = RunningBucket(
            start,
            sum(plans) if plans else None,
            sum(facts) if facts else None,
            len(some),
            sum(due_plans) if due_plans else None,
            sum(due_facts) if due_facts or due_plans else None,
            totals[0],
            totals[1] if has_begun else None,
            totals[2],
            totals[3] - totals[2] if has_begun else None,
        )
        if start >= period.start:
            made.append(bucket)
    return made


def counts(at: datetime, period: Period) -> bool:
    """Whether the step in which a moment lies begins within the hours."""
    step = make_period(at, at + MINUTE, period.step, period.zone, at, 1).start.astimezone(ZoneInfo(period.zone))
    hours = period.open or OpenHours()
    minute, (first, last) = 60 * step.hour + step.minute, hours.minutes
    day, before = step.weekday(), (step.weekday() - 1) % 7
    return (first <= minute < last and day in hours.days) or (minute + 1440 < last and before in hours.days)


@examples(0.15)
@given(
    ROWS,
    ROWS,
    st.sampled_from(CHANGES),
    st.sampled_from(CUMULATIVE[:2]),
    st.sampled_from(["1m", "15m", "1h", "6h", "1d"]),
    st.integers(1, 12),
    st.integers(-2, 12),
    st.sampled_from(HOURS),
)
async def test_totals_run_as_a_person_would_add_them_up(
    store: Store,
    rows: list[Row],
    late: list[Row],
    change: tuple[str, datetime],
    kind: Cumulative,
    step: str,
    before: int,
    after: int,
    hours: OpenHours | None,
) -> None:
    """For plans and facts before and after the running minute, some of which are written after the rollups were
    refreshed, in zones whose clocks change meanwhile; of all steps or of those within hours. Each example has series of
    its own."""
    zone, running = change
    name = f"{next(NUMBERS)}"
    first, last = running - before * HOUR, running + after * HOUR
    period = make_period(first.isoformat(), max(last, first + HOUR).isoformat(), step, zone, running, 5000)
    if hours is not None and period.seconds <= hours.longest_step:
        period = msgspec.structs.replace(period, open=hours)
    assume(kind != "shift" or period.seconds <= 3600)
    totals = running_totals(kind, period, running + timedelta(seconds=17), Shifts.read(SHIFTS_TEXT, zone))
    question = BucketQuestion(period, series=SeriesFilter(tuple(f"{name} {one}" for one in "abc")), running=totals)
    written: list[Row] = []
    for some in (rows, late):
        await store.batches.write([packed(None, *(reading(running, name, row) for row in some))], Receipt())
        written += some
        [*panels] = (await store.buckets.read(question)).panels
        assert [bucket for panel in panels for bucket in panel.buckets] == oracle(written, running, period, kind)
        if store.server.edition == "community":
            await store.rollups.refresh_late()


def reading(running: datetime, name: str, row: Row) -> Reading:
    ts = round((running + row[0] * MINUTE + timedelta(seconds=row[0] % 60)).timestamp() * 1e6)
    return Reading(ts, f"{name} {row[1]}", row[2], row[3], None)


async def test_the_running_step_counts_as_far_as_it_is_due(store: Store) -> None:
    """Now, on all series together: a plan for the whole hour, and facts so far."""
    now = datetime.now(UTC)
    running = now.replace(second=0, microsecond=0)
    rows: list[Row] = [(minute, "a", 10, 9 if minute < 0 else None) for minute in range(-90, 90)]
    await store.batches.write([packed(None, *(reading(running, "now", row) for row in rows))], Receipt())
    period = make_period("now-90min", "now+90min", "1h", "UTC", now, 1500)
    [panel] = (await store.buckets.read(BucketQuestion(period, running=running_totals("period", period, now)))).panels
    begun = [one for one in panel.buckets if isinstance(one, RunningBucket) and one.ahead is not None]
    assert begun[-1].ahead == -90
    last = panel.buckets[-1]
    assert isinstance(last, RunningBucket)
    assert last == RunningBucket(
        last.bucket, last.plan, None, last.readings, None, None, 1800, None, last.due_total, None
    )
    assert last.due_total == 900
