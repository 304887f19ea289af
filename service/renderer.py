"""Draws pictures in worker processes: the drawing library holds the interpreter's lock, and ingest must not wait."""

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog
from pebble import ProcessExpired, ProcessPool

from service.buckets import Numbers
from service.chart.draw import Format, draw
from service.chart.picture import Picture
from service.errors import Unavailable
from service.metrics import Metrics
from service.period import make_period

TIMEOUT = 20.0
"""Seconds a picture may take, from the moment a worker has it; then the worker is replaced."""
NICE = 10
"""How far workers step back behind others who want the processor."""
MAX_WAITING = 32
"""Pictures that may be asked for at once; beyond, the answer is 503."""

log = structlog.stdlib.get_logger("renderer")
Work = Callable[..., bytes]


class Renderer:
    """Warmed workers, and a bounded queue before them. `work` runs in a worker, with the arguments of `draw`."""

    def __init__(self, workers: int, metrics: Metrics, *, work: Work = draw, timeout: float = TIMEOUT) -> None:
        self._workers = workers
        self._metrics = metrics
        self._work = work
        self._timeout = timeout
        self._pool = _start_pool(workers)
        self._waiting = 0

    async def draw(self, picture: Picture, form: Format, scale: float = 1, *, packed: bool = False) -> bytes:
        """The picture in a format, gzipped if `packed`. Unavailable: too many are waiting, or it took too long."""
        if self._waiting >= MAX_WAITING:
            raise Unavailable("Too many charts are being drawn; try again in a moment.")
        self._waiting += 1
        started = time.perf_counter()
        try:
            return await self._twice(picture, form, scale, packed)
        finally:
            self._waiting -= 1
            self._metrics.rendered(time.perf_counter() - started)

    async def warm(self) -> None:
        """Have every library loaded before the first visitor comes."""
        period = make_period(None, None, None, "UTC", datetime.now(UTC), 960)
        await self.draw(Picture(Numbers((), None), period, "", "%H:%M"), "png")

    async def close(self) -> None:
        """End the workers."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        await asyncio.to_thread(self._pool.join)

    async def _twice(self, *args: object) -> bytes:
        pool = self._pool
        try:
            return await self._once(args)
        except (ProcessExpired, BrokenProcessPool):
            log.warning("a worker died; drawing with another")
            self._replace(pool)
            return await self._last(args)

    async def _last(self, args: tuple[object, ...]) -> bytes:
        try:
            return await self._once(args)
        except (ProcessExpired, BrokenProcessPool) as exc:
            raise Unavailable("The chart could not be drawn: its workers died.") from exc

    def _replace(self, broken: ProcessPool) -> None:
        """A pool whose idle worker was killed is broken for good: take a new one, unless somebody did already."""
        if self._pool is broken:
            self._pool = _start_pool(self._workers)
            broken.stop()  # type: ignore[no-untyped-call]

    async def _once(self, args: tuple[object, ...]) -> bytes:
        *plain, packed = args
        try:
            scheduled = self._pool.schedule(self._work, args=plain, kwargs={"packed": packed}, timeout=self._timeout)
        except RuntimeError as exc:  # the pool knows already that it is broken
            raise BrokenProcessPool(str(exc)) from exc
        try:
            return await asyncio.wrap_future(scheduled)
        except TimeoutError as exc:
            raise Unavailable(f"The chart could not be drawn within {self._timeout:g} seconds.") from exc


@asynccontextmanager
async def open_renderer(workers: int, metrics: Metrics) -> AsyncIterator[Renderer]:
    """A renderer whose workers end with it."""
    renderer = Renderer(workers, metrics)
    try:
        yield renderer
    finally:
        await renderer.close()


def _start_pool(workers: int) -> ProcessPool:
    # spawn: a process forked after the first picture hangs for ever
    context = multiprocessing.get_context("spawn")
    return ProcessPool(max_workers=workers, context=context, initializer=_become_worker)


def _become_worker() -> None:
    """Ctrl-C reaches every process of a terminal: the owner stops the workers in order. And where there are too few
    processors for everybody, a picture can wait; readings and their acknowledgements go first."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICE)
