"""One look serves all viewers of a view: taken when something was written, a few times a second at most, and sent to
each viewer as soon as that one can take it. A slow viewer skips what the others saw, and holds nobody up."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from typing import Generic, ParamSpec, Protocol, TypeVar

import structlog

from service.charts.single_flight import SharedReads
from service.errors import Draining, TaktlineError, Unavailable
from service.metrics import Metrics

MAX_VIEWERS = 5000
"""Viewers of one process; beyond, the answer is 503."""
PAUSE = 0.25
"""Seconds between two looks at a view, at least. Costly looks are rarer: they take a third of the time at most."""
PAUSE_EACH = 0.0005
"""Seconds longer for each viewer, so that sending doesn't take all the time either."""
BEAT = 10.0
"""Seconds after which a viewer hears that the connection is alive."""
POLL = 1.0
"""Seconds between two questions whether other replicas committed anything."""
RETRY = 2.0
"""Seconds until the next look where the database was away."""
SLICES = 16
"""Viewers are woken in so many groups, with room for other work between."""

log = structlog.stdlib.get_logger("feed")


class Look(Protocol):
    """What viewers of a view are sent."""

    @property
    def whole(self) -> bytes:
        """All of it."""

    @property
    def change(self) -> bytes | None:
        """What is new since the look before; None where only the whole will do."""

    @property
    def expires(self) -> float:
        """The moment, in seconds since 1970, from which it isn't up to date even if nothing is written."""


View = TypeVar("View", bound=Hashable)
T = TypeVar("T")
P = ParamSpec("P")
L = TypeVar("L", bound=Look)


class _Watched(Generic[L]):
    """A view that has viewers."""

    def __init__(self) -> None:
        self.viewers = 0
        self.number = 0
        self.look: L | None = None
        self.stale = asyncio.Event()
        self.news = [asyncio.Event() for _ in range(SLICES)]
        self.task: asyncio.Task[None] | None = None

    async def tell(self) -> None:
        """Wake every viewer."""
        news, self.news = self.news, [asyncio.Event() for _ in range(SLICES)]
        for event in news:
            event.set()
            await asyncio.sleep(0)


class Feed(Generic[View, L]):
    """The views that somebody looks at. `take` takes a look, given the one before; `committed` tells by a text
    whether anybody wrote, or is None where nobody else can."""

    def __init__(
        self,
        take: Callable[[View, L | None], Awaitable[L]],
        committed: Callable[[], Awaitable[str]] | None,
        metrics: Metrics,
        beat: bytes,
    ) -> None:
        self._take, self._committed, self._metrics, self._beat = take, committed, metrics, beat
        self._views: dict[View, _Watched[L]] = {}
        self._viewers = 0
        self._turn = asyncio.Semaphore(1)
        self._reads: SharedReads[L] = SharedReads()
        self._closed = False

    def changed(self) -> None:
        """Something was written: every view may look different now."""
        for watched in self._views.values():
            watched.stale.set()

    def told(self, write: Callable[P, Awaitable[T]]) -> Callable[P, Awaitable[T]]:
        """The same work, of which every view learns when it is done."""

        async def done(*args: P.args, **kwargs: P.kwargs) -> T:
            result = await write(*args, **kwargs)
            self.changed()
            return result

        return done

    async def now(self, view: View) -> L:
        """One look: the last one where the view is watched, and one for all who ask at once otherwise."""
        watched = self._views.get(view)
        if watched is not None and watched.look is not None:
            return watched.look
        return await self._reads.read(view, lambda: self._take(view, None))

    def admit(self) -> None:
        """Unavailable where there are too many viewers; Draining at the end."""
        if self._closed:
            raise Draining
        if self._viewers >= MAX_VIEWERS:
            raise Unavailable("Too many viewers are connected; try again in a moment.")

    async def watch(self, view: View) -> AsyncGenerator[bytes, None]:
        """What a viewer is sent, from now on until stop()."""
        number = -1
        with_place = self._viewers
        watched = self._enter(view)
        try:
            while not self._closed:
                news = watched.news[with_place % SLICES]
                if watched.look is not None:
                    text = self._text(watched, watched.look, number)
                    number = watched.number
                    yield text
                await news.wait()
        finally:
            self._leave(view, watched)

    async def stop(self) -> None:
        """Let every viewer go; they come back to whoever serves next."""
        self._closed = True
        for watched in list(self._views.values()):
            await watched.tell()

    async def poll(self) -> None:
        """Notice what other replicas write, for ever."""
        before = ""
        while self._committed is not None:
            await asyncio.sleep(POLL)
            if not self._views:
                continue
            with suppress(TaktlineError):  # the views say so themselves
                now = await self._committed()
                if now != before:
                    before = now
                    self.changed()

    def _text(self, watched: _Watched[L], look: L, seen: int) -> bytes:
        if seen == watched.number:
            return self._beat
        if seen == watched.number - 1 and look.change is not None:
            return look.change
        return look.whole

    def _enter(self, view: View) -> _Watched[L]:
        watched = self._views.get(view)
        if watched is None:
            watched = self._views[view] = _Watched()
            watched.task = asyncio.create_task(self._keep(view, watched))
        watched.viewers += 1
        self._viewers += 1
        self._metrics.viewer(1)
        return watched

    def _leave(self, view: View, watched: _Watched[L]) -> None:
        watched.viewers -= 1
        self._viewers -= 1
        self._metrics.viewer(-1)
        if not watched.viewers and watched.task is not None:
            watched.task.cancel()
            del self._views[view]

    async def _keep(self, view: View, watched: _Watched[L]) -> None:
        """Look again whenever something was written, or time has moved on."""
        while True:
            started = time.monotonic()
            watched.stale.clear()
            expires = await self._renew(view, watched)
            # the first look may have to load things first, and says nothing about the others
            took = time.monotonic() - started if watched.number > 1 else 0
            await asyncio.sleep(max(PAUSE, 2 * took, PAUSE_EACH * watched.viewers))
            await self._wait(watched, expires)

    async def _renew(self, view: View, watched: _Watched[L]) -> float:
        """Take a look and tell the viewers; the moment until which it is good."""
        try:
            async with self._turn:  # views take turns: the database has others to serve as well
                look = await self._take(view, watched.look)
        except TaktlineError as exc:
            log.warning("the live page can't be brought up to date", why=exc.detail)
            return time.time() + RETRY
        if look is not watched.look:
            watched.look, watched.number = look, watched.number + 1
            await watched.tell()
        return look.expires

    async def _wait(self, watched: _Watched[L], expires: float) -> None:
        """Until something was written or the look expires; meanwhile, every viewer hears a beat now and then."""
        while not watched.stale.is_set() and (left := expires - time.time()) > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(watched.stale.wait(), min(left, BEAT))
            if not watched.stale.is_set() and left > BEAT:
                await watched.tell()


@asynccontextmanager
async def polling(feed: Feed[View, L]) -> AsyncIterator[Feed[View, L]]:
    """A feed that notices what other replicas write, while the block lasts."""
    task = asyncio.create_task(feed.poll())
    try:
        yield feed
    finally:
        await feed.stop()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
