"""Draws pictures in worker processes: the drawing library holds the interpreter's lock, and ingest must not wait."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog

from service.charts.drawing.draw import Format, draw
from service.charts.drawing.picture import Picture
from service.charts.worker import Worker, WorkerDied
from service.errors import Unavailable
from service.metrics import Metrics
from service.period.bucket import Numbers
from service.period.steps import make_period

TIMEOUT = 30.0
"""Seconds until a picture is drawn or given up, from the moment it is asked for."""
DRAWING = 12.0
"""Seconds of that a worker may take; then it is replaced, and whoever still waits has a turn."""
WARMING = 120.0
"""The same for the first pictures: every library is loaded for them, perhaps from a cold disk."""
MAX_WAITING = 32
"""Pictures that may be asked for at once; beyond, the answer is 503."""

log = structlog.stdlib.get_logger("renderer")
Work = Callable[..., bytes]


class Renderer:
    """Warmed workers, and a bounded queue before them. `work` runs in a worker, with the arguments of `draw`."""

    def __init__(
        self,
        workers: int,
        metrics: Metrics,
        *,
        work: Work = draw,
        timeout: float = TIMEOUT,
        drawing: float = DRAWING,
    ) -> None:
        self._metrics = metrics
        self._work = work
        self._timeout, self._drawing = timeout, drawing
        self.waiting = 0
        """Pictures that were asked for and aren't answered yet."""
        self._closed = False
        self._workers = {Worker(work) for _ in range(workers)}
        # the one that drew last is asked first: its memory is in the processor's cache
        self._free: asyncio.LifoQueue[Worker[bytes]] = asyncio.LifoQueue()
        for worker in self._workers:
            self._free.put_nowait(worker)

    async def draw(self, picture: Picture, form: Format, scale: float = 1, *, packed: bool = False) -> bytes:
        """The picture in a format, gzipped if `packed`. Unavailable: too many are waiting, or it took too long."""
        if self.waiting >= MAX_WAITING:
            raise Unavailable("Too many charts are being drawn; try again in a moment.")
        self.waiting += 1
        started = time.perf_counter()
        try:
            return await self._within(self._timeout, self._drawing, picture, form, scale, packed)
        finally:
            self.waiting -= 1
            self._metrics.rendered(time.perf_counter() - started)

    async def warm(self) -> None:
        """Have every library loaded before the first visitor comes."""
        period = make_period(None, None, None, "UTC", datetime.now(UTC), 960)
        nothing = Picture(Numbers((), None), period, "", "%H:%M")
        await asyncio.gather(*(self._within(2 * WARMING, WARMING, nothing, "png", 1, False) for _ in self._workers))

    async def close(self) -> None:
        """End the workers, whatever they are at."""
        self._closed = True
        for worker in self._workers:
            worker.kill()
        await asyncio.to_thread(_join, list(self._workers))

    async def _within(self, seconds: float, drawing: float, *args: object) -> bytes:
        try:
            async with asyncio.timeout(seconds):
                return await self._twice(seconds - drawing, drawing, args)
        except TimeoutError as exc:
            raise Unavailable(f"The chart could not be drawn within {seconds:g} seconds.") from exc

    async def _twice(self, queueing: float, drawing: float, args: tuple[object, ...]) -> bytes:
        """Whether the picture is to blame or the worker isn't known the first time."""
        try:
            return await self._once(queueing, drawing, args)
        except (WorkerDied, TimeoutError) as exc:
            if self._closed:
                raise Unavailable("The service is shutting down.") from exc
            log.warning("a worker died or hung; drawing with another", why=repr(exc))
        try:
            return await self._once(queueing, drawing, args)
        except WorkerDied as exc:
            raise Unavailable("The chart could not be drawn: its workers died.") from exc

    async def _once(self, queueing: float, drawing: float, args: tuple[object, ...]) -> bytes:
        worker = await self._next(queueing)
        *plain, packed = args
        try:
            if self._closed:
                raise Unavailable("The service is shutting down.")
            await worker.ready()
            async with asyncio.timeout(drawing):
                return await worker.call(*plain, packed=packed)
        except (WorkerDied, TimeoutError, asyncio.CancelledError):
            worker = self._replace(worker)
            raise
        finally:
            self._free.put_nowait(worker)

    async def _next(self, seconds: float) -> Worker[bytes]:
        """A free worker, while there is time enough left to draw."""
        try:
            async with asyncio.timeout(seconds):
                return await self._free.get()
        except TimeoutError as exc:
            raise Unavailable("Too many charts are being drawn; try again in a moment.") from exc

    def _replace(self, worker: Worker[bytes]) -> Worker[bytes]:
        """Another in place of one that is of no use any more."""
        if self._closed:
            return worker
        if worker in self._workers:
            worker.kill()
            self._workers.remove(worker)
        try:
            made = Worker(self._work)
        except OSError:
            log.exception("no worker can be started; the next picture tries again")
            return worker
        self._workers.add(made)
        return made


@asynccontextmanager
async def open_renderer(workers: int, metrics: Metrics) -> AsyncIterator[Renderer]:
    """A renderer whose workers end with it."""
    renderer = Renderer(workers, metrics)
    try:
        yield renderer
    finally:
        await renderer.close()


def _join(workers: list[Worker[bytes]]) -> None:
    for worker in workers:
        worker.join()
