"""The order in which the parts of the service stop, and the deadline that they share: SHUTDOWN_GRACE.

Each part registers what it has to do, and at which stage. The parts of one stage work at the same time; the next stage
begins when they are done. A part that takes longer than its stage may last is cut off and named in the log. A part that
fails is logged, and the others go on. docs/architecture.md, "Stopping", lists what each part does at each stage.
"""

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

import psutil
import structlog

CLOSING = 4.0
"""Seconds of SHUTDOWN_GRACE that are reserved for the stages after the last commit; at most half of it."""
PRODUCER = 5.0
"""Seconds of the remaining time that the first stage may take, in which the demo's emitter stops; at most half of it.
The emitter keeps on disk what it couldn't send, so that nothing is lost where it is cut off."""
LAST_RESORT = 0.3
"""Seconds before the end of SHUTDOWN_GRACE at which the process exits, even if something isn't closed yet."""
HURRY = 1.0
"""Seconds that remain to stop after a second SIGINT."""

log = structlog.stdlib.get_logger("service")


class Stage(Enum):
    """The stages of stopping, in order."""

    LISTEN = "stop listening"
    """Nothing new begins, except for HTTP requests, which are answered until CLOSE, so that clients learn that the
    service is stopping."""
    REFUSE = "refuse"
    """Open connections accept no more readings, and hand over to the writer those that they have accepted."""
    DRAIN = "drain"
    """All accepted readings are committed."""
    ACKNOWLEDGE = "acknowledge"
    """The last answers are sent."""
    CLOSE = "close"
    """No connections are accepted at all. Requests under way are answered, and connections closed."""
    CUT = "cut"
    """Whatever is still open is ended."""


def ends(grace: float) -> dict[Stage, float]:
    """The deadline of each stage, in seconds since stopping began."""
    closing = min(CLOSING, grace / 2)
    commit = grace - closing
    return {
        Stage.LISTEN: min(PRODUCER, commit / 2),
        Stage.REFUSE: commit,
        Stage.DRAIN: commit,
        Stage.ACKNOWLEDGE: commit + closing / 4,
        Stage.CLOSE: commit + closing / 2,
        Stage.CUT: commit + closing * 3 / 4,
    }


@dataclass(frozen=True)
class _Part:
    name: str
    do: Callable[[], Awaitable[object]]
    late: Callable[[], object]


class Lifecycle:
    """Stops the registered parts, once. `leave` is called in a thread of its own just before SHUTDOWN_GRACE ends."""

    def __init__(self, grace: float, leave: Callable[[], None] | None = None) -> None:
        self._grace, self._leave = grace, leave
        self._parts: dict[Stage, list[_Part]] = {stage: [] for stage in Stage}
        self._ends: dict[Stage, float] = {}
        self._limit: asyncio.Timeout | None = None
        self._stage = Stage.LISTEN
        self._task: asyncio.Task[None] | None = None

    def at(
        self,
        stage: Stage,
        name: str,
        do: Callable[[], Awaitable[object]],
        *,
        late: Callable[[], object] = lambda: None,
    ) -> None:
        """Register `do` for this stage, and `late` for the case that it isn't done in time. `name` is for the log."""
        self._parts[stage].append(_Part(name, do, late))

    @property
    def begun(self) -> bool:
        """Whether stopping has begun."""
        return self._task is not None

    def begin(self) -> None:
        """Begin to stop, unless stopping has begun already."""
        if self._task is None:
            # a view over several sites has nothing to commit
            ending = "committing what was accepted" if self._parts[Stage.DRAIN] else "answering what was asked"
            log.info(f"stopping: {ending}")
            self._have(self._grace)
            self._leave_at_last()
            self._task = asyncio.create_task(self._run())

    def hurry(self) -> None:
        """Shorten the remaining time to a moment; what isn't done by then is cut off."""
        self._have(min(HURRY, self._grace))
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(self._ends[self._stage])

    async def stop(self) -> None:
        """Begin to stop, and wait until every stage is over."""
        self.begin()
        if self._task is not None:
            await asyncio.shield(self._task)

    def _have(self, grace: float) -> None:
        """Set the deadlines of all stages, for a grace of so many seconds from now on."""
        now = asyncio.get_running_loop().time()
        self._ends = {stage: now + seconds for stage, seconds in ends(grace).items()}

    def _leave_at_last(self) -> None:
        if self._leave is not None:
            timer = threading.Timer(max(0.0, self._grace - LAST_RESORT), self._leave)
            timer.daemon = True
            timer.start()

    async def _run(self) -> None:
        for stage in Stage:
            parts = {asyncio.create_task(_done(part, stage)): part for part in self._parts[stage]}
            for task in await self._wait(stage, set(parts)):
                part = parts[task]
                log.warning("no time left to wait for this", stage=stage.value, part=part.name)
                task.cancel()
                with _logged(part, stage):
                    part.late()

    async def _wait(self, stage: Stage, tasks: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
        """Wait for the tasks of a stage. Returns those that aren't done at its end; each has at least begun."""
        if not tasks:
            return set()
        self._stage = stage
        try:
            async with asyncio.timeout_at(self._ends[stage]) as self._limit:
                await asyncio.wait(tasks)
        except TimeoutError:
            pass
        finally:
            self._limit = None
        return {task for task in tasks if not task.done()}


async def _done(part: _Part, stage: Stage) -> None:
    with _logged(part, stage):
        await part.do()


@contextmanager
def _logged(part: _Part, stage: Stage) -> Iterator[None]:
    """Log whatever error a part raises, so that the others stop in order all the same."""
    try:
        yield
    except Exception:
        log.exception("this couldn't be stopped in order", stage=stage.value, part=part.name)


def leave() -> None:
    """Exit at once, because SHUTDOWN_GRACE is over. Nothing is lost: every acknowledged reading has been committed."""
    log.warning("no time left to close everything: exiting")
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(0)
