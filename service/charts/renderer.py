"""Draws pictures in worker processes: the drawing library holds the interpreter's lock, and ingest must not wait for
it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog

from service.charts.drawing.order import DrawingOrder, DrawnFormat, carry_out
from service.charts.drawing.picture import Picture
from service.charts.worker import Worker, WorkerDied
from service.errors import Unavailable
from service.limits.fair_line import FairLine
from service.metrics import Metrics
from service.period.bucket import Numbers
from service.period.steps import make_period
from service.tracing.tracer import NO_TRACER, Tracer

TIMEOUT = 30.0
"""Seconds, from the request on, after which a picture that isn't drawn is given up."""
DRAWING_TIMEOUT = 12.0
"""Seconds of these that one worker may draw. Then another worker replaces it, and draws what still waits."""
WARMING_TIMEOUT = 120.0
"""The same for a worker's first picture, for which every library is loaded, perhaps from a cold disk."""
MAX_WAITING = 64
"""Pictures that may be asked for at once, half of them by one caller alone; any more are refused with 503."""

log = structlog.stdlib.get_logger("renderer")
DrawingWorker = Worker[[DrawingOrder], bytes]


class Renderer:
    """Warmed workers behind a line in which callers wait for their turns. `work` is what each worker runs for an order.

    No picture is interrupted, and no worker is kept for small ones: the largest takes two seconds of a processor.
    """

    def __init__(
        self,
        workers: int,
        metrics: Metrics,
        *,
        work: Callable[[DrawingOrder], bytes] = carry_out,
        timeout: float = TIMEOUT,
        drawing_timeout: float = DRAWING_TIMEOUT,
        max_waiting: int = MAX_WAITING,
        tracer: Tracer = NO_TRACER,
    ) -> None:
        self._metrics, self._tracer = metrics, tracer
        self._work = work
        self._timeout, self._drawing_timeout = timeout, drawing_timeout
        self._line = FairLine("charts", workers, max_waiting, patience=timeout - drawing_timeout)
        metrics.watch_charts(lambda: self.waiting)
        self._closed = False
        self._workers = {Worker(work) for _ in range(workers)}
        # the worker that drew last is asked first, since its memory is still in the processor's cache
        self._free = list(self._workers)

    @property
    def waiting(self) -> int:
        """Pictures that were asked for and aren't answered yet."""
        return self._line.taken

    async def draw(
        self,
        picture: Picture,
        form: DrawnFormat,
        scale: float = 1,
        *,
        packed: bool = False,
        callers: Collection[str] = ("",),
    ) -> bytes:
        """The picture in a format, gzipped if `packed`; `callers` wait for it, to whom others may be added.
        ShareUsedUp: too many of theirs are waiting. Unavailable: too many are waiting, or drawing took too long."""
        started = time.perf_counter()
        try:
            order = DrawingOrder(picture, form, scale, packed)
            with self._tracer.span("render", format=form, width=picture.width, height=picture.height) as span:
                drawn = await self._draw_within(self._timeout, self._drawing_timeout, order, callers)
                span.set(bytes=len(drawn))
            return drawn
        finally:
            self._metrics.rendered(time.perf_counter() - started)

    async def warm(self) -> bytes:
        """Have every worker load its libraries before the first visitor comes. Returns what Altair has built,
        for `take_over`."""
        period = make_period(None, None, None, "UTC", datetime.now(UTC), 240)
        order = DrawingOrder(Picture(Numbers((), None), period, "", "%H:%M"), "png", templates=True)
        seconds = 2 * WARMING_TIMEOUT, WARMING_TIMEOUT
        answers = await asyncio.gather(*(self._draw_within(*seconds, order, ("",)) for _ in self._workers))
        return answers[0]

    async def close(self) -> None:
        """End the workers, whatever they are doing."""
        self._closed = True
        for worker in self._workers:
            worker.kill()
        await asyncio.to_thread(_join, list(self._workers))

    async def _draw_within(
        self, seconds: float, drawing: float, order: DrawingOrder, callers: Collection[str]
    ) -> bytes:
        try:
            async with asyncio.timeout(seconds):
                return await self._try_twice(drawing, order, callers)
        except TimeoutError as exc:
            raise Unavailable(f"The chart could not be drawn within {seconds:g} seconds.") from exc

    async def _try_twice(self, drawing: float, order: DrawingOrder, callers: Collection[str]) -> bytes:
        """A first failure doesn't tell whether the picture or its worker is to blame, so another worker tries again."""
        try:
            return await self._try_once(drawing, order, callers)
        except (WorkerDied, TimeoutError) as exc:
            if self._closed:
                raise Unavailable("The service is shutting down.") from exc
            log.warning("a worker died or hung; another one draws the picture", why=repr(exc))
        try:
            return await self._try_once(drawing, order, callers)
        except WorkerDied as exc:
            raise Unavailable("The chart could not be drawn: its workers died.") from exc

    async def _try_once(self, drawing: float, order: DrawingOrder, callers: Collection[str]) -> bytes:
        async with self._line.turn(callers, _seconds(order)):
            worker = self._free.pop()
            try:
                if self._closed:
                    raise Unavailable("The service is shutting down.")
                await worker.ready()
                async with asyncio.timeout(drawing):
                    return await worker.call(order)
            except (WorkerDied, TimeoutError, asyncio.CancelledError):
                worker = self._replace(worker)
                raise
            finally:
                self._free.append(worker)

    def _replace(self, worker: DrawingWorker) -> DrawingWorker:
        """Another worker in place of one that is of no more use."""
        if self._closed:
            return worker
        if worker in self._workers:
            worker.kill()
            self._workers.remove(worker)
        try:
            made = Worker(self._work)
        except OSError:
            log.exception("no worker can be started; the next picture will try again")
            return worker
        self._workers.add(made)
        return made


def _seconds(order: DrawingOrder) -> float:
    """About how long drawing takes, as it was measured on one processor."""
    picture = order.picture
    bars = 2 * sum(len(panel.buckets) for panel in picture.panels)
    pixels = order.scale**2 * picture.width * picture.height if order.form == "png" else 0
    return 0.1 + 0.0001 * bars + 0.01 * len(picture.panels) + 8e-8 * pixels


@asynccontextmanager
async def open_renderer(workers: int, metrics: Metrics, tracer: Tracer = NO_TRACER) -> AsyncIterator[Renderer]:
    """A renderer whose workers end with the block."""
    renderer = Renderer(workers, metrics, tracer=tracer)
    try:
        yield renderer
    finally:
        await renderer.close()


def _join(workers: list[DrawingWorker]) -> None:
    for worker in workers:
        worker.join()
