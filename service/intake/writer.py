"""Group commit: what waits is written in one transaction as soon as the previous one is done. Knows no SQL."""

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
"""Readings in one transaction: more gain nothing, and keep those behind them waiting."""
BATCH = 800
"""Bytes that a batch takes beside its rows, about, and who waits for it."""
RETRY_FROM, RETRY_TO = 0.1, 2.0
"""Seconds between attempts while the database is away."""
ATTEMPTS = 3
"""At a transaction that is too much for the database, before it is tried in halves, and at last refused."""

log = structlog.stdlib.get_logger("writer")

Write = Callable[[Sequence[Packed], Receipt], Awaitable[list[Outcome]]]
Listener = Callable[[Sequence[Packed]], None]
"""Called with batches that were just committed, those left out that were known already."""
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
        """Whether nothing more is accepted."""
        self.finished = asyncio.Event()
        """Set when everything accepted is settled, after close()."""
        self._abandoned = asyncio.Event()
        self.stalled: str | None = None
        """Why nothing is committed at the moment; None while all is well."""

    def offer(self, batch: Packed) -> Answer:
        """Queue a batch now; Overloaded where there is no room for it, Unavailable while nothing is committed, Draining
        after close()."""
        if self.closed:
            raise Draining
        if not self._has_room(batch):
            raise Overloaded(self._why_full())
        if self.stalled is not None:
            raise Unavailable(self.stalled)
        return self._enqueue(batch)

    def put_now(self, batch: Packed) -> Answer | None:
        """Queue a batch if there is room for it, even while nothing is committed; Draining after close()."""
        if self.closed:
            raise Draining
        return self._enqueue(batch) if self._has_room(batch) else None

    async def put(self, batch: Packed) -> Answer:
        """The same as soon as there is room."""
        if (answer := self.put_now(batch)) is not None:
            return answer
        async with self._room:
            await self._room.wait_for(lambda: self.closed or self._has_room(batch))
        if self.closed:
            raise Draining
        return self._enqueue(batch)

    async def run(self, committers: int = 1) -> None:
        """Commit group after group until close(), and then what still waits.

        Two committers keep the database at work while the next group is decoded, and while one waits for its disk.
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
                except Exception:  # nobody else would notice, and nothing would be committed any more
                    log.exception("a group of batches could not be settled")
                    _answer_all(group, Unavailable("The service failed to write this; the log has the cause."))
                self._in_hand.remove(group)
                await self._make_room(group)
            elif self.closed:
                return

    async def close(self) -> None:
        """Accept nothing more; run() ends when everything accepted is committed."""
        self.closed = True
        self._work.set()
        async with self._room:
            self._room.notify_all()

    async def drain(self) -> None:
        """Accept nothing more; returns when everything accepted is settled."""
        await self.close()
        await self.finished.wait()

    def abandon(self) -> int:
        """Give up what waits, when there is no time left, and what is under way: it isn't tried again, and nobody waits
        for it any more. How many readings were not acknowledged."""
        left = self._readings
        self._abandoned.set()
        _answer_all(self._waiting, Draining())
        self._waiting.clear()
        for group in self._in_hand:
            _answer_all(group, Draining(_IN_DOUBT))
        return left

    def _has_room(self, batch: Packed) -> bool:
        """A batch larger than the whole queue has room when nothing else waits."""
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
        """Write a group; where the database refuses its data, or so much at once, halves of it, until the one at fault
        stands alone."""
        try:
            outcomes = await self._insist([batch for batch, _ in group], receipt)
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
        self._tell(group, outcomes)

    def _tell(self, group: Group, outcomes: Sequence[Outcome]) -> None:
        """After the answers, so that whatever a listener does, what is committed is acknowledged."""
        written = [batch for (batch, _), was in zip(group, outcomes, strict=True) if was is Outcome.WRITTEN]
        if written:
            for listener in self._listeners:
                listener(written)

    def _count(self, group: Group, outcomes: Sequence[Outcome]) -> None:
        """Once a transaction: a counter costs as much as a whole small batch."""
        for outcome in set(outcomes):
            counts = [batch.count for (batch, _), was in zip(group, outcomes, strict=True) if was is outcome]
            self._metrics.settled(outcome.value, len(counts), sum(counts))

    async def _insist(self, batches: list[Packed], receipt: Receipt) -> list[Outcome]:
        """Write until it is settled: while the database is away nothing is lost, and nothing acknowledged.

        Draining: given up because of abandon(). TooMuchAtOnce: the database has answered so each time, so that nothing
        is in doubt; a reading alone is never too much.
        """
        receipt.begin()
        pause, attempts = min(RETRY_FROM, self._retry_to), 0
        many = sum(batch.count for batch in batches) > 1
        while True:
            started = time.perf_counter()
            try:
                outcomes = await self._write(batches, receipt)
            except Unavailable as exc:
                # once one attempt is in doubt it has to be settled: -1 from then on
                attempts = attempts + 1 if isinstance(exc, TooMuchAtOnce) and attempts >= 0 else -1
                if many and attempts == ATTEMPTS:
                    self._go_on()
                    raise
                if self.stalled is None:
                    log.warning("commits are held up", why=exc.detail)
                self.stalled = exc.detail
                self._metrics.commit_failed()
                await self._pause(pause * random.uniform(0.5, 1))  # noqa: S311
                pause = min(2 * pause, self._retry_to)
                continue
            except Exception:
                self._go_on()
                raise
            self._go_on()
            self._metrics.commit(time.perf_counter() - started, sum(batch.count for batch in batches))
            return outcomes

    def _go_on(self) -> None:
        """The database has answered."""
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
    if answer.done():  # whoever waited has gone, or was told that it was given up
        return
    if isinstance(result, Outcome):
        answer.set_result(result)
    else:
        answer.set_exception(result)
        answer.exception()  # where nobody waits any more, that is no news
