"""The lanes of the queue: an import of past days, or a plan for a year, holds up nobody who sends what has just been
measured."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from service.errors import Overloaded, TooLarge
from service.intake.batch import Outcome, Packed, Receipt
from service.intake.lanes import MAX_FAR, KeepUp
from service.intake.lanes import WEEK as COST_OF_WEEK
from service.intake.writer import Write, Writer
from service.metrics import Metrics
from tests.harness import until

pytestmark = pytest.mark.anyio

DAY, WEEK = 24 * 60, 7 * 24 * 60


def of(*ages: int, count: int = 1, batch_id: str | None = None) -> Packed:
    """A batch with readings of so many minutes ago."""
    now = int(time.time()) // 60
    return Packed(batch_id, None, count, b"rows", frozenset(now - age for age in ages), frozenset(), 0)


async def write_all(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
    return [Outcome.WRITTEN] * len(batches)


@asynccontextmanager
async def at_work(write: Write = write_all, keep_up: KeepUp | None = None, most: int = 1000) -> AsyncIterator[Writer]:
    writer = Writer(write, Metrics(), max_readings=most, max_bytes=10**6, keep_up=keep_up)
    task = asyncio.create_task(writer.run())
    yield writer
    await writer.close()
    await task


async def test_past_days_wait_for_the_rollups_and_the_present_does_not() -> None:
    follows, kept_up = asyncio.Event(), []

    async def keep_up(batches: Sequence[Packed]) -> None:
        kept_up.append(len(batches))
        await follows.wait()

    async with at_work(keep_up=keep_up) as writer:
        assert await writer.offer(of(5 * DAY)) is Outcome.WRITTEN
        second = writer.offer(of(5 * DAY))
        third = writer.offer(of(0, 40 * DAY))
        for _ in range(3):
            assert await writer.offer(of(0)) is Outcome.WRITTEN
            assert await writer.offer(of(DAY)) is Outcome.WRITTEN
        assert not second.done()
        assert writer.trouble is None
        assert writer.age() == 0
        follows.set()
        assert list(await asyncio.gather(second, third)) == [Outcome.WRITTEN, Outcome.WRITTEN]
    assert kept_up == [1, 2]


async def test_past_days_have_a_room_of_their_own() -> None:
    """Half as large as that of the present, which they leave as it is. The senders are different ones, so that each may
    hold its share."""
    goes_on = asyncio.Event()

    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        await goes_on.wait()
        return [Outcome.WRITTEN] * len(batches)

    async with at_work(write, most=1000) as writer:
        old = [writer.offer(of(9 * DAY, count=100), f"old {number}") for number in range(5)]
        with pytest.raises(Overloaded):
            writer.offer(of(9 * DAY, count=100), "one more")
        new = [writer.offer(of(0, count=100), f"new {number}") for number in range(10)]
        with pytest.raises(Overloaded):
            writer.offer(of(0, count=100), "one more")
        goes_on.set()
        assert set(await asyncio.gather(*old, *new)) == {Outcome.WRITTEN}


async def test_days_ahead_wait_for_nobody_and_nobody_for_them() -> None:
    """Today and the next two days are the present."""
    goes_on, written = asyncio.Event(), list[int]()

    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        written.append(len(batches))
        if any(one.count == 500 for one in batches):
            await goes_on.wait()
        return [Outcome.WRITTEN] * len(batches)

    async with at_work(write, most=1000) as writer:
        plan = writer.offer(of(-400 * DAY, count=500))
        await until(lambda: bool(written))
        with pytest.raises(Overloaded):
            writer.offer(of(0, -4 * DAY, count=200), "one more")
        for age in (0, -DAY, -2 * DAY, 9 * DAY):
            assert await writer.offer(of(age)) is Outcome.WRITTEN
        assert not plan.done()
        goes_on.set()
        assert await plan is Outcome.WRITTEN


async def test_an_empty_lane_has_room_for_any_batch() -> None:
    async with at_work(most=1000) as writer:
        present = writer.offer(of(0, count=100))
        assert await writer.offer(of(9 * DAY, count=800)) is Outcome.WRITTEN
        assert await present is Outcome.WRITTEN


async def test_a_transaction_has_few_weeks_unless_one_batch_has_many() -> None:
    groups: list[int] = []
    goes_on = asyncio.Event()

    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        groups.append(len(batches))
        await goes_on.wait()
        return [Outcome.WRITTEN] * len(batches)

    few = MAX_FAR // COST_OF_WEEK
    async with at_work(write) as writer:
        answers = [writer.offer(of(2 * WEEK))]
        await until(lambda: bool(groups))
        answers += [writer.offer(of(week * WEEK)) for week in range(2, 2 + 2 * few)]
        answers += [writer.offer(of(*(week * WEEK for week in range(3, 500))))]
        goes_on.set()
        assert set(await asyncio.gather(*answers)) == {Outcome.WRITTEN}
    assert groups == [1, few, few, 1]


async def test_closing_waits_for_no_rollup() -> None:
    begun = asyncio.Event()

    async def keep_up(batches: Sequence[Packed]) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with at_work(keep_up=keep_up) as writer:
        await writer.offer(of(5 * DAY))
        await begun.wait()
        last = writer.offer(of(5 * DAY))
        async with asyncio.timeout(5):
            await writer.drain()
        assert await last is Outcome.WRITTEN


async def test_rollups_that_fail_end_no_import() -> None:
    async def keep_up(batches: Sequence[Packed]) -> None:
        raise ValueError("a fault of our own")

    async with at_work(keep_up=keep_up) as writer:
        for _ in range(3):
            assert await writer.offer(of(5 * DAY)) is Outcome.WRITTEN


async def test_a_batch_of_too_many_days_harms_no_other() -> None:
    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        if any(one.id == "long" for one in batches):
            raise TooLarge("too many days")
        return [Outcome.WRITTEN] * len(batches)

    async with at_work(write) as writer:
        answers = [writer.offer(of(9 * DAY, batch_id="long" if number == 3 else None)) for number in range(8)]
        done = await asyncio.gather(*answers, return_exceptions=True)
    assert [number for number, one in enumerate(done) if one is not Outcome.WRITTEN] == [3]
    assert isinstance(done[3], TooLarge)
