"""Group commit without a database: the writer with a `write` function that is slow, fails or refuses."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from service.errors import (
    BadReading,
    Draining,
    InDoubt,
    Overloaded,
    ShareUsedUp,
    TooMuchAtOnce,
    Unavailable,
    WaitedTooLong,
)
from service.intake.batch import Outcome, Packed, Receipt
from service.intake.waiting import BATCH
from service.intake.writer import MAX_TRANSACTION, RETRY_TO, Listener, Write, Writer
from service.metrics import Metrics
from tests.harness import until

pytestmark = pytest.mark.anyio


def batch(count: int = 1, size: int = 10, batch_id: str | None = None) -> Packed:
    return Packed(batch_id, b"" if batch_id else None, count, b"x" * size, frozenset(), frozenset(), 0)


@asynccontextmanager
async def at_work(
    write: Write,
    max_readings: int = 1000,
    max_bytes: int = 10**6,
    listeners: Sequence[Listener] = (),
    retry_to: float = RETRY_TO,
) -> AsyncIterator[Writer]:
    writer = Writer(
        write, Metrics(), max_readings=max_readings, max_bytes=max_bytes, listeners=listeners, retry_to=retry_to
    )
    task = asyncio.create_task(writer.run())
    yield writer
    await writer.close()
    await task


async def test_what_waits_is_written_together() -> None:
    groups: list[int] = []
    gate = asyncio.Event()

    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        groups.append(len(batches))
        await gate.wait()
        return [Outcome.WRITTEN] * len(batches)

    async with at_work(write) as writer:
        first = writer.offer(batch())
        await until(lambda: bool(groups))
        others = [writer.offer(batch()) for _ in range(50)]
        gate.set()
        assert await asyncio.gather(first, *others) == [Outcome.WRITTEN] * 51
    assert groups == [1, 50]


async def test_a_refused_batch_harms_no_other() -> None:
    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        if any(one.id == "bad" for one in batches):
            raise BadReading("no")
        return [Outcome.WRITTEN] * len(batches)

    async with at_work(write) as writer:
        answers = [writer.offer(batch(batch_id="bad" if number == 37 else str(number))) for number in range(100)]
        done = await asyncio.gather(*answers, return_exceptions=True)
    assert [number for number, one in enumerate(done) if one is not Outcome.WRITTEN] == [37]
    assert isinstance(done[37], BadReading)


async def test_a_transaction_that_is_too_much_is_tried_in_halves() -> None:
    sizes: list[int] = []

    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        sizes.append(len(batches))
        if len(batches) > 2 or any(one.id == "long" for one in batches):
            raise TooMuchAtOnce("out of shared memory")
        return [Outcome.WRITTEN] * len(batches)

    async with at_work(write, retry_to=0.001) as writer:
        answers = [writer.offer(batch(5, batch_id="long" if number == 3 else str(number))) for number in range(8)]
        done = await asyncio.gather(*answers, return_exceptions=True)
    assert [number for number, one in enumerate(done) if one is not Outcome.WRITTEN] == [3]
    assert isinstance(done[3], TooMuchAtOnce)
    assert sizes[:4] == [8, 8, 8, 4]


async def test_what_is_in_doubt_or_a_reading_alone_is_never_too_much() -> None:
    failures: list[Unavailable] = []

    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        if failures:
            raise failures.pop(0)
        return [Outcome.WRITTEN] * len(batches)

    async with at_work(write, retry_to=0.001) as writer:
        failures[:] = [Unavailable("gone"), *(TooMuchAtOnce("out of shared memory") for _ in range(9))]
        assert await writer.offer(batch(5)) is Outcome.WRITTEN
        failures[:] = [TooMuchAtOnce("out of shared memory") for _ in range(9)]
        assert await writer.offer(batch(1)) is Outcome.WRITTEN


async def test_while_the_database_is_away_batches_wait_with_one_receipt() -> None:
    receipts: list[Receipt] = []

    async def write(batches: Sequence[Packed], receipt: Receipt) -> list[Outcome]:
        receipts.append(receipt)
        if len(receipts) < 3:
            raise Unavailable("gone")
        return [Outcome.WRITTEN] * len(batches)

    async with at_work(write) as writer:
        answer = writer.offer(batch())
        await until(lambda: writer.stalled is not None)
        assert writer.stalled == "gone"
        assert await answer is Outcome.WRITTEN
        assert writer.stalled is None
    assert len({id(one) for one in receipts}) == 1


async def test_the_queue_is_bounded_in_readings_and_bytes() -> None:
    gate = asyncio.Event()

    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        await gate.wait()
        return [Outcome.WRITTEN] * len(batches)

    async with at_work(write, max_readings=10, max_bytes=1000) as writer:
        writer.offer(batch(7), "one")
        with pytest.raises(Overloaded, match="7 readings wait"):
            writer.offer(batch(4), "other")
        with pytest.raises(Overloaded):
            writer.offer(batch(1, size=995), "other")
        waiting = asyncio.create_task(writer.put(batch(4), "other"))
        await asyncio.sleep(0.01)
        assert not waiting.done()
        gate.set()
        assert await (await waiting) is Outcome.WRITTEN


@pytest.mark.parametrize(("count", "size", "share"), [(1, 10, 7), (0, 1000 - BATCH, 7)])
async def test_one_sender_leaves_room_for_others(count: int, size: int, share: int) -> None:
    """By readings, and by bytes."""
    gate = asyncio.Event()

    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        await gate.wait()
        return [Outcome.WRITTEN] * len(batches)

    async with at_work(write, max_readings=10, max_bytes=10_000) as writer:
        first = writer.offer(batch(1, size), "greedy")
        answers = [writer.put_now(batch(count, size), "greedy") for _ in range(10)]
        assert [answer is not None for answer in answers] == [True] * (share - 1) + [False] * (11 - share)
        with pytest.raises(ShareUsedUp, match="of yours wait"):
            writer.offer(batch(count, size), "greedy")
        waiting = asyncio.create_task(writer.put(batch(count, size), "greedy"))
        others = [writer.offer(batch(count, size), f"other {number}") for number in range(3)]
        with pytest.raises(Overloaded):
            writer.offer(batch(count, size), "one too many")
        assert not waiting.done()
        gate.set()
        done = await asyncio.gather(first, await waiting, *others, *(answer for answer in answers if answer))
        assert set(done) == {Outcome.WRITTEN}


async def test_even_the_largest_batch_leaves_room_for_others() -> None:
    gate = asyncio.Event()

    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        await gate.wait()
        return [Outcome.WRITTEN] * len(batches)

    async with at_work(write, max_readings=100, max_bytes=100_000) as writer:
        answers = [writer.offer(batch(100, 90_000), "large"), writer.offer(batch(10, 1000), "small")]
        with pytest.raises(ShareUsedUp):
            writer.offer(batch(1), "large")
        assert writer.waiting == 110
        gate.set()
        await asyncio.gather(*answers)
        assert writer.waiting == 0
        assert await writer.offer(batch(100, 90_000), "large") is Outcome.WRITTEN


async def test_all_senders_have_their_part_of_a_group() -> None:
    groups: list[list[str]] = []
    gate = asyncio.Event()

    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        groups.append([str(one.id) for one in batches])
        await gate.wait()
        return [Outcome.WRITTEN] * len(batches)

    most = MAX_TRANSACTION // 10
    async with at_work(write, max_readings=10 * MAX_TRANSACTION) as writer:
        answers = [writer.offer(batch(batch_id="first"), "greedy")]
        await until(lambda: bool(groups))
        answers += [writer.offer(batch(most, batch_id=f"greedy {number}"), "greedy") for number in range(25)]
        answers += [writer.offer(batch(most, batch_id=f"other {number}"), "other") for number in range(7)]
        answers += [writer.offer(batch(batch_id=f"small {number}"), "small") for number in range(3)]
        gate.set()
        await asyncio.gather(*answers)
    of = [
        {who: [one for one in group if one.startswith(who)] for who in ("greedy", "other", "small")} for group in groups
    ]
    assert [len(part) for part in of[1].values()] == [5, 4, 3], groups
    assert of[1]["other"] + of[2]["other"] == [f"other {number}" for number in range(7)]
    assert len(of[2]["greedy"]) == 7  # what the other doesn't need


async def test_a_batch_larger_than_the_queue_goes_alone() -> None:
    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        return [Outcome.WRITTEN] * len(batches)

    async with at_work(write, max_readings=10) as writer:
        assert await writer.offer(batch(500)) is Outcome.WRITTEN


async def test_closing_commits_what_was_accepted_and_refuses_the_rest() -> None:
    written: list[Packed] = []

    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        await asyncio.sleep(0.01)
        written.extend(batches)
        return [Outcome.WRITTEN] * len(batches)

    async with at_work(write) as writer:
        answers = [writer.offer(batch()) for _ in range(20)]
        await writer.close()
        with pytest.raises(Draining):
            writer.offer(batch())
        with pytest.raises(Draining):
            await writer.put(batch())
        assert await asyncio.gather(*answers) == [Outcome.WRITTEN] * 20
    assert len(written) == 20


async def test_an_error_nobody_thought_of_costs_one_group_alone() -> None:
    failed: list[bool] = []

    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        if not failed:
            failed.append(True)
            raise ZeroDivisionError
        return [Outcome.WRITTEN] * len(batches)

    async with at_work(write) as writer:
        with pytest.raises(Unavailable):
            await writer.offer(batch())
        assert await writer.offer(batch()) is Outcome.WRITTEN


async def test_who_can_try_again_is_told_so_while_nothing_is_committed() -> None:
    failures = [Unavailable("gone"), Unavailable("gone"), BadReading("no")]

    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        if failures:
            raise failures.pop(0)
        return [Outcome.WRITTEN] * len(batches)

    async with at_work(write) as writer:
        answer = writer.offer(batch())
        await until(lambda: writer.stalled is not None)
        with pytest.raises(Unavailable, match="gone"):
            writer.offer(batch())
        patient = await writer.put(batch())
        with pytest.raises(BadReading):
            await answer
        assert await patient is Outcome.WRITTEN
        assert await writer.offer(batch()) is Outcome.WRITTEN


async def test_what_is_under_way_is_given_up_too() -> None:
    begun, gate = asyncio.Event(), asyncio.Event()

    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        begun.set()
        await gate.wait()
        return [Outcome.WRITTEN] * len(batches)

    async with at_work(write) as writer:
        in_hand = writer.offer(batch(2))
        await begun.wait()
        waiting = writer.offer(batch(3))
        await writer.close()
        assert writer.abandon() == 5
        with pytest.raises(Draining, match="hasn't said"):
            await in_hand
        with pytest.raises(Draining):
            await waiting
        gate.set()


async def test_listeners_are_told_what_was_committed_and_nothing_else() -> None:
    fates = {"new": Outcome.WRITTEN, "known": Outcome.DUPLICATE, "reused": Outcome.MISMATCH}
    told: list[list[str | None]] = []

    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        assert not told
        return [fates[one.id or "new"] for one in batches]

    async with at_work(write, listeners=[lambda written: told.append([one.id for one in written])]) as writer:
        answers = [writer.offer(batch(batch_id=one)) for one in ("known", "new", "reused", None)]
        await asyncio.gather(*answers, return_exceptions=True)
        assert told == [["new", None]]
        told.clear()
        await writer.offer(batch(batch_id="known"))
    assert not told


async def test_a_listener_that_fails_takes_back_no_acknowledgement() -> None:
    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        return [Outcome.WRITTEN] * len(batches)

    def fail(_: Sequence[Packed]) -> None:
        raise ValueError("no")

    async with at_work(write, listeners=[fail]) as writer:
        assert await writer.offer(batch()) is Outcome.WRITTEN
        assert await writer.offer(batch()) is Outcome.WRITTEN


async def test_a_request_is_answered_in_time_and_its_batch_counts_until_it_is_settled() -> None:
    """What is being written may be committed or not; what isn't yet is withdrawn. Connections wait."""
    begun, gate = asyncio.Event(), asyncio.Event()
    groups: list[list[str | None]] = []

    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        begun.set()
        groups.append([one.id for one in batches])
        await gate.wait()
        return [Outcome.WRITTEN] * len(batches)

    async with at_work(write, max_readings=10) as writer:
        writer.late, writer.too_late = 0.1, 0.3
        in_hand = [writer.offer(batch(2, batch_id="a")), await writer.put(batch(1, batch_id="b"))]
        await begun.wait()
        behind = [await writer.put(batch(1, batch_id="c")), writer.offer(batch(3, batch_id="d"))]
        assert writer.trouble is None
        with pytest.raises(InDoubt, match="Idempotency-Key"):
            await in_hand[0]
        with pytest.raises(WaitedTooLong, match="was not"):
            await behind[1]
        assert "database" in (writer.trouble or "")
        with pytest.raises(Unavailable, match="waited"):
            writer.offer(batch(1))
        assert (
            writer.put_now(batch(7), "other") is None
        )  # 4 of 10 are taken: what is in doubt counts, what is withdrawn doesn't
        last = writer.put_now(batch(6, batch_id="e"), "other")
        assert last is not None
        gate.set()
        for answer in (in_hand[1], behind[0], last):
            assert await answer is Outcome.WRITTEN
        assert await writer.offer(batch(10)) is Outcome.WRITTEN
    assert groups == [["a", "b"], ["c", "e"], [None]]


async def test_the_first_failure_is_told_as_long_as_others_follow_from_it() -> None:
    failures = [Unavailable("The disk is full."), Unavailable("Nobody is there."), Unavailable("Nobody is there.")]

    async def write(batches: Sequence[Packed], _: Receipt) -> list[Outcome]:
        if failures:
            raise failures.pop(0)
        return [Outcome.WRITTEN] * len(batches)

    async with at_work(write) as writer:
        answer = await writer.put(batch())
        await until(lambda: writer.stalled == "The disk is full.")
        await until(lambda: writer.stalled == "Nobody is there. At first: The disk is full.")
        assert await answer is Outcome.WRITTEN
        assert writer.stalled is None
