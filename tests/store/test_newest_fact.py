"""The newest fact, however long ago it came, and whatever is planned for later."""

from datetime import UTC, datetime, timedelta

import pytest

from service.intake.batch import Receipt
from service.intake.reading import Reading
from service.period.selection import ALL_SERIES
from service.store import Store
from service.store.facts import newest_fact
from tests.batches import packed

pytestmark = pytest.mark.anyio

AGES = {"seconds": 3, "a minute": 61, "minutes": 800, "hours": 5 * 3600}


def reading(ts: datetime, series: str, plan: float | None, fact: float | None) -> Reading:
    return Reading(round(ts.timestamp() * 1e6), series, plan, fact, None)


@pytest.mark.parametrize("age", AGES.values(), ids=AGES)
async def test_the_newest_fact_is_found(store: Store, age: int) -> None:
    second = timedelta(seconds=1)
    now = datetime.now(UTC)
    at = now - age * second
    written = [reading(now - each * second, "a", 1, None) for each in range(-30, age, 60)]
    written += [reading(at - each * second, "a", None, each) for each in range(0, 40_000, 3_000)]
    written += [reading(at - 20 * second, "b", None, 1)]
    await store.batches.write([packed(None, *written)], Receipt())
    start, end = at - timedelta(hours=1), at + timedelta(hours=23)
    async with store.reading.snapshot() as snapshot:
        assert await newest_fact(snapshot, start, end, None) == at
        assert await newest_fact(snapshot, start, end, ("b",)) == at - 20 * second
        assert await newest_fact(snapshot, start, at, ("a",)) == at - 3_000 * second
        assert await newest_fact(snapshot, start, end, ("c",)) is None
        assert await newest_fact(snapshot, end, start, None) is None
    assert await store.facts.newest_of_all(ALL_SERIES) == at
