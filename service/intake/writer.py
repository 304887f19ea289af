"""Group commit: all waiting batches are written in one transaction as soon as the previous one is done."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import structlog

from service.errors import (
    BadReading,
    BatchMismatch,
    Draining,
    InDoubt,
    TooLarge,
    TooMuchAtOnce,
    Unavailable,
    WaitedTooLong,
)
from service.intake.batch import Outcome, Packed, Receipt
from service.intake.lanes import MAX_FAR, Follower, KeepUp, Lane, Queues
from service.intake.standstill import Standstill
from service.intake.waiting import Answer, Group, settle_all
from service.metrics import Metrics
from service.tracing.tracer import NO_TRACER, Tracer

MAX_TRANSACTION = 50_000
"""The most readings in one transaction. More would gain nothing, and keep the batches behind them waiting."""
RETRY_FROM, RETRY_TO = 0.1, 2.0
"""Seconds between two attempts while the database is unavailable: at first, and at most."""
LATE, TOO_LATE = 10.0, 30.0
"""Seconds that a batch may wait before the service counts as not ready, and before a request is answered without its
outcome being known."""
TOO_SLOW = "the database answers too slowly, or not at all"
"""Why readings wait for longer than `LATE` seconds, as far as the writer knows."""
ATTEMPTS = 3
"""Attempts at a transaction that is too much for the database, before it is split into halves, and in the end
refused."""

log = structlog.stdlib.get_logger("writer")

Write = Callable[[Sequence[Packed], Receipt], Awaitable[list[Outcome]]]
Listener = Callable[[Sequence[Packed]], None]
"""Is called with batches that were just committed, without duplicates."""

_IN_DOUBT = (
    "The service is shutting down, and the database hasn't said whether this was written. "
    "Send it again: with a batch id that is harmless."
)


class Writer:
    """Bounded queues of batches in front of the committers."""

    def __init__(
        self,
        write: Write,
        metrics: Metrics,
        *,
        max_readings: int,
        max_bytes: int,
        listeners: Sequence[Listener] = (),
        keep_up: KeepUp | None = None,
        retry_to: float = RETRY_TO,
        tracer: Tracer = NO_TRACER,
        too_slow: str = TOO_SLOW,
    ) -> None:
        self._write, self._too_slow = write, too_slow
        self._follower = Follower(keep_up)
        self._metrics, self._tracer = metrics, tracer
        self._listeners = listeners
        self._retry_to = retry_to
        self._queues = Queues(max_readings, max_bytes)
        metrics.watch(lambda: self.waiting, lambda: self._queues.bytes, self.age)
        self._room = asyncio.Condition()
        self.closed = False
        """Whether no more batches are accepted."""
        self.finished = asyncio.Event()
        """Set when all accepted batches are settled, after close()."""
        self._abandoned = asyncio.Event()
        self.standstill = Standstill()
        self.late, self.too_late = LATE, TOO_LATE
        self._hangs = False

    @property
    def waiting(self) -> int:
        """How many readings wait to be written, or are being written."""
        return self._queues.readings

    def age(self) -> float:
        """For how many seconds the oldest of them has waited, as Queues.age() counts."""
        return self._queues.age()

    @property
    def stalled(self) -> str | None:
        """Why nothing is committed at the moment, in the database's words; None where the newest attempt didn't
        fail."""
        return self.standstill.why

    @property
    def trouble(self) -> str | None:
        """Why readings aren't written, or wait for longer than `late` seconds; None while all is well."""
        return self.stalled or self.slow

    @property
    def slow(self) -> str | None:
        """That readings wait for longer than `late` seconds; None while they don't."""
        if (age := self.age()) <= self.late:
            return None
        return f"Readings have waited for {age:.0f} s to be written: {self._too_slow}."

    @property
    def size(self) -> int:
        """About how many bytes of memory the batches take that aren't written yet."""
        return self._queues.bytes

    def offer(self, batch: Packed, caller: str = "") -> Answer:
        """Queue the batch of a request now. Raises Overloaded or ShareUsedUp where there is no room for it, Unavailable
        while commits fail or don't end, and Draining after close(). After `too_late` seconds the answer is InDoubt or
        WaitedTooLong."""
        if self.closed:
            raise Draining
        queue = self._queues.of(batch)
        if not queue.has_room(batch, caller):
            raise queue.refusal(batch, caller, self.trouble or "try again in a moment")
        if self.stalled is not None or self._hangs:
            raise Unavailable(self.trouble)
        return queue.add(batch, caller, in_request=True)

    def put_now(self, batch: Packed, caller: str = "") -> Answer | None:
        """Queue a batch if there is room for it, even while commits fail; None where there isn't. Raises Draining after
        close()."""
        if self.closed:
            raise Draining
        queue = self._queues.of(batch)
        return queue.add(batch, caller) if queue.has_room(batch, caller) else None

    async def put(self, batch: Packed, caller: str = "") -> Answer:
        """Queue a batch as soon as there is room. Raises Draining after close()."""
        if (answer := self.put_now(batch, caller)) is not None:
            return answer
        queue = self._queues.of(batch)
        async with self._room:
            await self._room.wait_for(lambda: self.closed or queue.has_room(batch, caller))
        if self.closed:
            raise Draining
        return queue.add(batch, caller)

    async def run(self, committers: int = 1) -> None:
        """Commit batches until close(), and then those that still wait; past days and days ahead have one
        committer more each.

        With two committers the database has work to do while the next group is decoded, and while the other waits for
        the disk.
        """
        watching = asyncio.create_task(self._answer_late())
        try:
            async with asyncio.TaskGroup() as group:
                for lane in (*[Lane.PRESENT] * committers, Lane.PAST, Lane.AHEAD):
                    group.create_task(self._commit(lane))
        finally:
            watching.cancel()
        self.finished.set()

    async def _commit(self, lane: Lane) -> None:
        receipt, queue = Receipt(), self._queues[lane]
        while True:
            await queue.work.wait()
            group = queue.take(MAX_TRANSACTION if lane is Lane.PRESENT else MAX_FAR)
            if not queue and not self.closed:
                queue.work.clear()
            if group:
                try:
                    await self._settle(group, receipt)
                except Exception:  # otherwise this committer would end unnoticed
                    log.exception("a group of batches could not be settled")
                    settle_all(group, Unavailable("The service failed to write this; the log has the cause."))
                queue.release(group)
                await self._tell_of_room()
                if lane is Lane.PAST:
                    await self._follower.follow([one.batch for one in group])
            elif self.closed:
                return

    async def close(self) -> None:
        """Accept no more batches; run() ends when all accepted ones are committed."""
        self.closed = True
        for queue in self._queues:
            queue.work.set()
        self._follower.end()
        await self._tell_of_room()

    async def drain(self) -> None:
        """Accept no more batches, and wait until all accepted ones are settled."""
        await self.close()
        await self.finished.wait()

    def abandon(self) -> int:
        """Give up all batches that aren't committed yet, because there is no time left. Transactions under way aren't
        repeated, and nobody waits for them. Returns how many readings were not acknowledged."""
        left = self.waiting
        self._abandoned.set()
        settle_all(self._queues.clear(), Draining())
        settle_all(self._queues.in_hand(), Draining(_IN_DOUBT))
        return left

    async def _tell_of_room(self) -> None:
        async with self._room:
            self._room.notify_all()

    async def _answer_late(self) -> None:
        """Answer the requests whose batches have waited for too long. What is being written goes on being written, and
        counts as long as it does; what isn't being written yet is withdrawn, so that its sender knows for sure."""
        while True:
            await asyncio.sleep(self.too_late / 30)
            self.standstill.look(self.slow)
            late, gone = self._queues.in_hand(self.too_late), self._queues.withdraw(self.too_late)
            self._hangs = bool(late)
            settle_all((one for one in late if one.in_request), InDoubt())
            settle_all(gone, WaitedTooLong())
            if gone:
                await self._tell_of_room()

    async def _settle(self, group: Group, receipt: Receipt) -> None:
        """Write a group. Where the database refuses its data, or so much data at once, write its halves one by one, and
        so on, until the batch at fault is alone."""
        try:
            outcomes = await self._write_until_settled([one.batch for one in group], receipt)
        except Draining as given_up:
            settle_all(group, given_up)
            return
        except (BadReading, TooLarge, TooMuchAtOnce) as refusal:
            if len(group) == 1:
                group[0].settle(refusal)
                return
            middle = len(group) // 2
            await self._settle(group[:middle], receipt)
            await self._settle(group[middle:], receipt)
            return
        self._count(group, outcomes)
        for one, outcome in zip(group, outcomes, strict=True):
            one.settle(BatchMismatch() if outcome is Outcome.MISMATCH else outcome)
        self._notify(group, outcomes)

    def _notify(self, group: Group, outcomes: Sequence[Outcome]) -> None:
        """Call the listeners. That happens after the answers, so that committed batches are acknowledged whatever a
        listener does."""
        written = [one.batch for one, was in zip(group, outcomes, strict=True) if was is Outcome.WRITTEN]
        if written:
            for listener in self._listeners:
                listener(written)

    def _count(self, group: Group, outcomes: Sequence[Outcome]) -> None:
        """Count outcomes, once per transaction, since a counter costs as much as a whole small batch."""
        for outcome in set(outcomes):
            counts = [one.batch.count for one, was in zip(group, outcomes, strict=True) if was is outcome]
            self._metrics.settled(outcome.value, len(counts), sum(counts))

    async def _write_until_settled(self, batches: list[Packed], receipt: Receipt) -> list[Outcome]:
        """Write batches, repeating that while the database is unavailable, until it is known whether they are
        committed.

        Raises Draining after abandon(). Raises TooMuchAtOnce where the database has answered so to each attempt, so
        that none of them can have been committed; a single reading is never too much.
        """
        receipt.begin()
        pause, attempts = min(RETRY_FROM, self._retry_to), 0
        readings = sum(batch.count for batch in batches)
        size = sum(batch.size for batch in batches)
        while True:
            started = time.perf_counter()
            try:
                with self._tracer.span("commit", batches=len(batches), readings=readings, bytes=size):
                    outcomes = await self._write(batches, receipt)
            except Unavailable as exc:
                # -1 once the result of an attempt is unknown: from then on the batches can't be split, but have to be
                # settled together
                attempts = attempts + 1 if isinstance(exc, TooMuchAtOnce) and attempts >= 0 else -1
                if readings > 1 and attempts == ATTEMPTS:
                    self._note_answer()
                    raise
                self.standstill.failed(exc.detail)
                self._metrics.commit_failed()
                await self._pause(pause * random.uniform(0.5, 1))  # noqa: S311
                pause = min(2 * pause, self._retry_to)
                continue
            except Exception:
                self._note_answer()
                raise
            self._note_answer()
            self._metrics.commit(time.perf_counter() - started, readings)
            return outcomes

    def _note_answer(self) -> None:
        """Note that the database has answered."""
        self._hangs = False
        self.standstill.answered()

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._abandoned.wait()
        if self._abandoned.is_set():
            raise Draining
