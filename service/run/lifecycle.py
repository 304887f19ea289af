"""The order in which a service stops, and the one deadline that all its parts share: SHUTDOWN_GRACE.

Each part says what it has to do and at which stage. The parts of one stage work at the same time; the next stage begins
when they are done. A part that isn't done when the time of its stage is over is cut off and named in the log, and one
that fails is logged; the others go on. What each part does at its stage stands in docs/architecture.md, "Stopping".
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
"""Seconds of the grace that are kept for last answers, for closing connections and for all else: at most half of it."""
PRODUCER = 5.0
"""Seconds that a producer of our own may take to stop, of those to commit; at most half of them. It keeps what it
couldn't send, so that nothing is lost where it is cut off."""
LAST_RESORT = 0.3
"""Seconds before the end of the grace at which the process exits, whatever isn't closed."""
HURRY = 1.0
"""What is left of the grace, in seconds, after a second SIGINT."""

log = structlog.stdlib.get_logger("service")


class Stage(Enum):
    """What is done one after the other."""

    LISTEN = "stop listening"
    """Nothing new begins, apart from requests: who sends one is told until CLOSE how we are."""
    REFUSE = "refuse"
    """Open connections take nothing more in, and hand over what they have taken."""
    DRAIN = "drain"
    """What was accepted is committed."""
    ACKNOWLEDGE = "acknowledge"
    """The last answers are sent."""
    CLOSE = "close"
    """Nothing new begins at all; requests under way are answered, and connections closed."""
    CUT = "cut"
    """Whatever is still there is ended."""


def ends(grace: float) -> dict[Stage, float]:
    """When each stage is over at the latest, in seconds from the beginning."""
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
    """Stops what was registered, once. `leave` is called, in a thread, just before the end of the grace."""

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
        """Have `do` called at this stage, and `late` where it wasn't done in time; the log knows it by its name."""
        self._parts[stage].append(_Part(name, do, late))

    @property
    def begun(self) -> bool:
        """Whether it was told to stop."""
        return self._task is not None

    def begin(self) -> None:
        """Begin to stop, unless that has begun."""
        if self._task is None:
            log.info("stopping: committing what was accepted")
            self._have(self._grace)
            self._leave_at_last()
            self._task = asyncio.create_task(self._run())

    def hurry(self) -> None:
        """End at once: what isn't done in a moment is cut off."""
        self._have(min(HURRY, self._grace))
        if self._limit is not None and not self._limit.expired():
            self._limit.reschedule(self._ends[self._stage])

    async def stop(self) -> None:
        """Begin to stop, and wait until every stage is over."""
        self.begin()
        if self._task is not None:
            await asyncio.shield(self._task)

    def _have(self, grace: float) -> None:
        """So much time from now on."""
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
        """Those that aren't done at the end of the stage; each has at least begun."""
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
    """Whatever goes wrong with a part, the others have to stop in order all the same."""
    try:
        yield
    except Exception:
        log.exception("this couldn't be stopped in order", stage=stage.value, part=part.name)


def leave() -> None:
    """The grace is over, and something doesn't end. All that was acknowledged is committed: nothing is lost."""
    log.warning("no time left to close everything: exiting")
    for child in psutil.Process().children(recursive=True):
        child.kill()
    os._exit(0)
