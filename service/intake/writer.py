"""Group commit: all waiting batches are written in one transaction as soon as the previous one is done."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress

import structlog

from service.errors import BadReading, BatchMismatch, Draining, Overloaded, TooMuchAtOnce, Unavailable, counted
from service.intake.batch import Outcome, Packed, Receipt
from service.metrics import Metrics

MAX_TRANSACTION = 50_000
"""The most readings in one transaction. More would gain nothing, and keep the batches behind them waiting."""
BATCH = 800
"""About how many bytes of memory a batch takes beside its rows, including the task that waits for it."""
RETRY_FROM, RETRY_TO = 0.1, 2.0
"""Seconds between two attempts while the database is unavailable: at first, and at most."""
ATTEMPTS = 3
"""Attempts at a transaction that is too much for the database, before it is split into halves, and in the end
refused."""

log = structlog.stdlib.get_logger("writer")

Write = Callable[[Sequence[Packed], Receipt], Awaitable[list[Outcome]]]
Listener = Callable[[Sequence[Packed]], None]
"""Is called with batches that were just committed, without duplicates."""
Answer = asyncio.Future[Outcome]
"""Resolves to WRITTEN or DUPLICATE after COMMIT; raises BadReading or BatchMismatch."""


Group = list[tuple[Packed, Answer]]
_IN_DOUBT = (
    "The service is shutting down, and the database hasn't said whether this was written. "
    "Send it again: with a batch id that is harmless."
)


class Writer:
    """A bounded queue of batches in front of one committer."""

    def __init__(
        self,
        write: Write,
        metrics: Metrics,
        *,
        max_readings: int,
        max_bytes: int,
        listeners: Sequence[Listener] = (),
        retry_to: float = RETRY_TO,
    ) -> None:
        self._write = write
        self._metrics = metrics
        self._listeners = listeners
        self._max_readings, self._max_bytes = max_readings, max_bytes
        self._retry_to = retry_to
        self._waiting: deque[tuple[Packed, Answer]] = deque()
        self._in_hand: list[Group] = []
        self._readings = self._bytes = 0
        metrics.watch(lambda: self._readings, lambda: self._bytes)
        self._work, self._room = asyncio.Event(), asyncio.Condition()
        self.closed = False
        """Whether no more batches are accepted."""
        self.finished = asyncio.Event()
        """Set when all accepted batches are settled, after close()."""
        self._abandoned = asyncio.Event()
        self.stalled: str | None = None
        """Why nothing is committed at the moment; None while all is well."""

    def offer(self, batch: Packed) -> Answer:
        """Queue a batch now. Raises Overloaded where there is no room for it, Unavailable while commits fail, and
        Draining after close()."""
        if self.closed:
            raise Draining
        if not self._has_room(batch):
            raise Overloaded(self._why_full())
        if self.stalled is not None:
            raise Unavailable(self.stalled)
        return self._enqueue(batch)

    def put_now(self, batch: Packed) -> Answer | None:
        """Queue a batch if there is room for it, even while commits fail; None where there isn't. Raises Draining after
        close()."""
        if self.closed:
            raise Draining
        return self._enqueue(batch) if self._has_room(batch) else None

    async def put(self, batch: Packed) -> Answer:
        """Queue a batch as soon as there is room. Raises Draining after close()."""
        if (answer := self.put_now(batch)) is not None:
            return answer
        async with self._room:
            await self._room.wait_for(lambda: self.closed or self._has_room(batch))
        if self.closed:
            raise Draining
        return self._enqueue(batch)

    async def run(self, committers: int = 1) -> None:
        """Commit batches until close(), and then those that still wait.

        With two committers the database has work to do while the next group is decoded, and while the other waits for
        the disk.
        """
        async with asyncio.TaskGroup() as group:
            for _ in range(committers):
                group.create_task(self._commit())
        self.finished.set()

    async def _commit(self) -> None:
        receipt = Receipt()
        while True:
            await self._work.wait()
            group = self._take()
            if group:
                self._in_hand.append(group)
                try:
                    await self._settle(group, receipt)
                except Exception:  # otherwise this committer would end unnoticed
                    log.exception("a group of batches could not be settled")
                    _answer_all(group, Unavailable("The service failed to write this; the log has the cause."))
                self._in_hand.remove(group)
                await self._make_room(group)
            elif self.closed:
                return

    async def close(self) -> None:
        """Accept no more batches; run() ends when all accepted ones are committed."""
        self.closed = True
        self._work.set()
        async with self._room:
            self._room.notify_all()

    async def drain(self) -> None:
        """Accept no more batches, and wait until all accepted ones are settled."""
        await self.close()
        await self.finished.wait()

    def abandon(self) -> int:
        """Give up all batches that aren't committed yet, because there is no time left. Transactions under way aren't
        repeated, and nobody waits for them. Returns how many readings were not acknowledged."""
        left = self._readings
        self._abandoned.set()
        _answer_all(self._waiting, Draining())
        self._waiting.clear()
        for group in self._in_hand:
            _answer_all(group, Draining(_IN_DOUBT))
        return left

    def _has_room(self, batch: Packed) -> bool:
        """Whether the queue has room for a batch; an empty queue has room for any batch."""
        return not self._readings or (
            self._readings + batch.count <= self._max_readings and self._bytes + _size(batch) <= self._max_bytes
        )

    def _why_full(self) -> str:
        waiting = f"{counted(self._readings, 'reading')} wait{'s' * (self._readings == 1)}"
        return f"{waiting} to be written; {self.stalled or 'try again in a moment'}."

    def _enqueue(self, batch: Packed) -> Answer:
        answer: Answer = asyncio.get_running_loop().create_future()
        self._waiting.append((batch, answer))
        self._readings += batch.count
        self._bytes += _size(batch)
        self._work.set()
        return answer

    def _take(self) -> Group:
        group: Group = []
        readings = 0
        while self._waiting and (not group or readings + self._waiting[0][0].count <= MAX_TRANSACTION):
            group.append(self._waiting.popleft())
            readings += group[-1][0].count
        if not self._waiting and not self.closed:
            self._work.clear()
        return group

    async def _make_room(self, group: Group) -> None:
        self._readings -= sum(batch.count for batch, _ in group)
        self._bytes -= sum(_size(batch) for batch, _ in group)
        async with self._room:
            self._room.notify_all()

    async def _settle(self, group: Group, receipt: Receipt) -> None:
        """Write a group. Where the database refuses its data, or so much data at once, write its halves one by one, and
        so on, until the batch at fault is alone."""
        try:
            outcomes = await self._write_until_settled([batch for batch, _ in group], receipt)
        except Draining as given_up:
            _answer_all(group, given_up)
            return
        except (BadReading, TooMuchAtOnce) as refusal:
            if len(group) == 1:
                _answer(group[0][1], refusal)
                return
            middle = len(group) // 2
            await self._settle(group[:middle], receipt)
            await self._settle(group[middle:], receipt)
            return
        self._count(group, outcomes)
        for (_, answer), outcome in zip(group, outcomes, strict=True):
            _answer(answer, BatchMismatch() if outcome is Outcome.MISMATCH else outcome)
        self._notify(group, outcomes)

    def _notify(self, group: Group, outcomes: Sequence[Outcome]) -> None:
        """Call the listeners. That happens after the answers, so that committed batches are acknowledged whatever a
        listener does."""
        written = [batch for (batch, _), was in zip(group, outcomes, strict=True) if was is Outcome.WRITTEN]
        if written:
            for listener in self._listeners:
                listener(written)

    def _count(self, group: Group, outcomes: Sequence[Outcome]) -> None:
        """Count outcomes, once per transaction, since a counter costs as much as a whole small batch."""
        for outcome in set(outcomes):
            counts = [batch.count for (batch, _), was in zip(group, outcomes, strict=True) if was is outcome]
            self._metrics.settled(outcome.value, len(counts), sum(counts))

    async def _write_until_settled(self, batches: list[Packed], receipt: Receipt) -> list[Outcome]:
        """Write batches, repeating that while the database is unavailable, until it is known whether they are
        committed.

        Raises Draining after abandon(). Raises TooMuchAtOnce where the database has answered so to each attempt, so
        that none of them can have been committed; a single reading is never too much.
        """
        receipt.begin()
        pause, attempts = min(RETRY_FROM, self._retry_to), 0
        many = sum(batch.count for batch in batches) > 1
        while True:
            started = time.perf_counter()
            try:
                outcomes = await self._write(batches, receipt)
            except Unavailable as exc:
                # -1 once the result of an attempt is unknown: from then on the batches can't be split, but have to be
                # settled together
                attempts = attempts + 1 if isinstance(exc, TooMuchAtOnce) and attempts >= 0 else -1
                if many and attempts == ATTEMPTS:
                    self._note_answer()
                    raise
                if self.stalled is None:
                    log.warning("commits are held up", why=exc.detail)
                self.stalled = exc.detail
                self._metrics.commit_failed()
                await self._pause(pause * random.uniform(0.5, 1))  # noqa: S311
                pause = min(2 * pause, self._retry_to)
                continue
            except Exception:
                self._note_answer()
                raise
            self._note_answer()
            self._metrics.commit(time.perf_counter() - started, sum(batch.count for batch in batches))
            return outcomes

    def _note_answer(self) -> None:
        """Note that the database has answered."""
        if self.stalled is not None:
            log.info("commits go on")
            self.stalled = None

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._abandoned.wait()
        if self._abandoned.is_set():
            raise Draining


def _size(batch: Packed) -> int:
    return BATCH + len(batch.rows)


def _answer_all(group: Iterable[tuple[Packed, Answer]], error: Exception) -> None:
    for _, answer in group:
        _answer(answer, error)


def _answer(answer: Answer, result: Outcome | Exception) -> None:
    if answer.done():  # the client has gone, or was answered that the batch was given up
        return
    if isinstance(result, Outcome):
        answer.set_result(result)
    else:
        answer.set_exception(result)
        answer.exception()  # so that asyncio doesn't log an exception that nobody awaits
