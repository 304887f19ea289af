"""Draws pictures in worker processes: the drawing library holds the interpreter's lock, and ingest must not wait."""

import asyncio
import multiprocessing
import signal
import time
from collections.abc import AsyncIterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog
from pebble import ProcessExpired, ProcessPool

from service.chart import Format, Picture, draw
from service.errors import Unavailable
from service.metrics import Metrics
from service.period import make_period

TIMEOUT = 20.0
"""Seconds a picture may take, from the moment a worker has it; then the worker is replaced."""
MAX_WAITING = 32
"""Pictures that may be asked for at once; beyond, the answer is 503."""

log = structlog.stdlib.get_logger("renderer")


class Renderer:
    """Warmed workers; equal pictures asked for at the same time are drawn once."""

    def __init__(self, workers: int, metrics: Metrics) -> None:
        self._workers = workers
        self._metrics = metrics
        self._pool = _start_pool(workers)
        self._under_way: dict[tuple[Picture, Format], asyncio.Task[bytes]] = {}

    async def draw(self, picture: Picture, form: Format) -> bytes:
        """The picture as PNG or SVG. Unavailable: too many are waiting, or it took too long."""
        key = (picture, form)
        task = self._under_way.get(key)
        if task is None:
            if len(self._under_way) >= MAX_WAITING:
                raise Unavailable("Too many charts are being drawn; try again in a moment.")
            task = asyncio.create_task(self._draw(picture, form))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key))
        # one who leaves must not take the picture from the others
        return await asyncio.shield(task)

    async def warm(self) -> None:
        """Have every library loaded before the first visitor comes."""
        period = make_period(None, None, None, "UTC", datetime.now(UTC), 960)
        await self.draw(Picture((), period, "", "%H:%M", 960, 480), "png")

    async def close(self) -> None:
        """End the workers."""
        self._pool.stop()  # type: ignore[no-untyped-call]
        await asyncio.to_thread(self._pool.join)

    async def _draw(self, picture: Picture, form: Format) -> bytes:
        started = time.perf_counter()
        pool = self._pool
        try:
            data = await self._once(picture, form)
        except (ProcessExpired, BrokenProcessPool):
            log.warning("a worker died; drawing with another")
            self._replace(pool)
            data = await self._once(picture, form)
        self._metrics.rendered(time.perf_counter() - started)
        return data

    def _replace(self, broken: ProcessPool) -> None:
        """A pool whose idle worker was killed is broken for good: take a new one, unless somebody did already."""
        if self._pool is broken:
            self._pool = _start_pool(self._workers)
            broken.stop()  # type: ignore[no-untyped-call]

    async def _once(self, picture: Picture, form: Format) -> bytes:
        try:
            scheduled = self._pool.schedule(draw, args=(picture, form), timeout=TIMEOUT)
        except RuntimeError as exc:  # the pool knows already that it is broken
            raise BrokenProcessPool(str(exc)) from exc
        try:
            return await asyncio.wrap_future(scheduled)
        except TimeoutError as exc:
            raise Unavailable(f"The chart could not be drawn within {TIMEOUT:g} seconds.") from exc


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
    return ProcessPool(max_workers=workers, context=context, initializer=_ignore_interrupts)


def _ignore_interrupts() -> None:
    """Ctrl-C reaches every process of a terminal; the owner stops the workers in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
