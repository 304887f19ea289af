"""Sends the snapshots of views to their viewers. A snapshot is taken when something was written, at most a few times a
second, and serves all the viewers of its view. Each is sent it as soon as the connection can take it: a viewer with a
slow connection skips snapshots and delays nobody else."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Hashable
from contextlib import asynccontextmanager, suppress
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

import structlog

from service.charts.single_flight import SharedReads
from service.errors import Draining, TaktlineError
from service.limits.fair_line import MOST_SHARING, FairLine
from service.limits.places import Places
from service.metrics import Metrics

MAX_VIEWERS, MAX_VIEWS = 5000, 400
"""The most viewers of one process, and the most views that they have open, half of each by one caller alone; any more
are refused with 503."""
PAGES, PAGES_EACH, MOST_PAGES, PAGES_PATIENCE = 3, 2, 1000, 10.0
"""Snapshots for pages that are just being loaded: how many are taken at once, how many of them for one caller, how many
may wait, and for how many seconds."""
PAUSE = 0.25
"""The fewest seconds between two snapshots of a view. Where taking them takes long, they are rarer, and all of them
together take about a third of the time."""
PAUSE_PER_VIEWER = 0.00025
"""Seconds of the pause for each viewer who was sent the snapshot before it, so that sending, which takes a fifth of
that, doesn't take all the time either."""
HEARTBEAT = 10.0
"""Seconds without news after which viewers are told that the connection is alive."""
POLL_INTERVAL = 0.25
"""Seconds after which the feed asks again whether other replicas committed anything, which costs the database an eighth
of a millisecond."""
KNOWN_FOR = 25.0
"""Seconds after which a snapshot is no longer sent as the newest unless it was found to be so: as many as a page waits
for a sign of life."""
RETRY_AFTER = 2.0
"""Seconds until the next attempt where the database was unavailable."""
WAKING_GROUPS = 16
"""Viewers are woken in so many groups, between which other work has a turn."""

log = structlog.stdlib.get_logger("feed")


class Snapshot(Protocol):
    """What a view shows at one time, as texts to be sent to its viewers."""

    @property
    def whole(self) -> bytes:
        """All that the view shows."""

    @property
    def change(self) -> bytes | None:
        """What is new since the snapshot before this one; None where viewers need the whole."""

    @property
    def expires(self) -> float:
        """The moment, in seconds since 1970, from which on another snapshot is needed even if nothing was written."""


V = TypeVar("V", bound=Hashable)
S = TypeVar("S", bound=Snapshot)


class _WatchedView(Generic[S]):
    """The newest snapshot of a view that has viewers, and what wakes them when it is replaced. `opener` is the caller
    to whom the view counts, and `callers` are those who watch it, with the number of their viewers."""

    def __init__(self, opener: str) -> None:
        self.opener = opener
        self.callers: Counter[str] = Counter()
        self.viewers = 0
        self.number = 0
        """How many snapshots there have been."""
        self.snapshot: S | None = None
        self.sent_to = 0
        """How many viewers were sent the newest one; none where nothing in it was new."""
        self.committed: str | None = None
        """What `committed` said before it was taken."""
        self.known = 0.0
        """When it was last known that nothing else had been committed since, in seconds since 1970."""
        self.took = self.newest_took = 0.0
        """How many seconds one takes, and how many the newest one took. The shorter of the newest two counts, since one
        may be slow by chance, as the first one is, which has to load things."""
        self.stale = asyncio.Event()
        self.news = [asyncio.Event() for _ in range(WAKING_GROUPS)]
        self.task: asyncio.Task[None] | None = None

    async def wake(self) -> None:
        """Wake every viewer."""
        news, self.news = self.news, [asyncio.Event() for _ in range(WAKING_GROUPS)]
        for event in news:
            event.set()
            await asyncio.sleep(0)


class Feed(Generic[V, S]):
    """The views that have viewers.

    `take` takes a snapshot of a view, given the one before. `committed` returns a text that differs after every commit
    of any replica; it is None where this process alone writes. `heartbeat` is sent while there is no news.
    """

    def __init__(
        self,
        take: Callable[[V, S | None], Awaitable[S]],
        committed: Callable[[], Awaitable[str]] | None,
        metrics: Metrics,
        heartbeat: bytes,
        *,
        heartbeat_after: float = HEARTBEAT,
        poll_interval: float = POLL_INTERVAL,
        known_for: float = KNOWN_FOR,
        retry_after: float = RETRY_AFTER,
    ) -> None:
        self._take, self._committed, self._metrics, self._heartbeat = take, committed, metrics, heartbeat
        self._heartbeat_after, self._poll_interval, self._retry_after = heartbeat_after, poll_interval, retry_after
        self._known_for = known_for
        self.viewers, self.open = Places("viewers", MAX_VIEWERS), Places("live pages of different views", MAX_VIEWS)
        self._views: dict[V, _WatchedView[S]] = {}
        # one view at a time, since the database has other work as well
        self._line = FairLine("snapshots", 1, 2 * MAX_VIEWS)
        self._reads: SharedReads[S] = SharedReads(
            FairLine("pages", PAGES, MOST_PAGES, PAGES_EACH, PAGES_PATIENCE),
        )
        self._closed = False

    def changed(self) -> None:
        """Learn that something was written, so that every view may show something else now."""
        for watched in self._views.values():
            watched.stale.set()

    async def current(self, view: V, caller: str = "") -> S:
        """The newest snapshot where the view has viewers; otherwise one that all who ask at once share."""
        watched = self._views.get(view)
        if watched is not None and (known := self._known(watched)) is not None:
            return known
        return await self._reads.read(view, lambda: self._take(view, None), caller)

    def admit(self, view: V, caller: str = "") -> None:
        """Unavailable where there are too many viewers or views, ShareUsedUp where this caller has too many; Draining
        once the service is stopping."""
        if self._closed:
            raise Draining
        self.viewers.check(caller)
        if view not in self._views:
            self.open.check(caller)

    async def watch(self, view: V, caller: str = "", opening: bytes | None = None) -> AsyncGenerator[bytes, None]:
        """What a viewer is sent, from now on until stop(): `opening` at once, if it is given. The viewer is admitted
        when it asks for the first text, in the same moment in which it takes its place, so that many who come together
        don't find the same place free."""
        self.admit(view, caller)
        number = -1
        group = self.viewers.used % WAKING_GROUPS
        watched = self._enter(view, caller)
        try:
            if opening is not None:
                yield opening
            while not self._closed:
                news = watched.news[group]
                if (known := self._known(watched)) is not None:
                    text = self._text(watched, known, number)
                    number = watched.number
                    yield text
                await news.wait()
        finally:
            self._leave(view, watched, caller)

    async def stop(self) -> None:
        """End the connection of every viewer; browsers connect again, to another replica or after a restart."""
        self._closed = True
        for watched in list(self._views.values()):
            await watched.wake()

    async def wake(self) -> None:
        """Send every viewer a heartbeat at once, so that those notice whose key has ended."""
        for watched in list(self._views.values()):
            await watched.wake()

    async def poll(self) -> None:
        """Notice what other replicas write, until cancelled."""
        while self._committed is not None:
            await asyncio.sleep(self._poll_interval)
            if not self._views:
                continue
            with suppress(TaktlineError):  # taking the next snapshot logs the same error
                now = await self._committed()
                for watched in self._views.values():
                    # what this process wrote itself is in a snapshot already
                    if watched.committed == now and self._known(watched) is not None:
                        watched.known = time.time()
                    else:
                        watched.stale.set()

    def _known(self, watched: _WatchedView[S]) -> S | None:
        """The newest snapshot, unless it may be an old one: where the database was away, or this process was stopped
        for a while, as a laptop is that was closed, nobody knows what was committed meanwhile."""
        snapshot, since = watched.snapshot, time.time() - self._known_for
        if snapshot is None or snapshot.expires < since:
            return None
        return snapshot if self._committed is None or watched.known >= since else None

    def _text(self, watched: _WatchedView[S], snapshot: S, seen: int) -> bytes:
        """What a viewer is sent who has seen the snapshot of this number."""
        if seen == watched.number:
            return self._heartbeat
        if seen == watched.number - 1 and snapshot.change is not None:
            return snapshot.change
        return snapshot.whole

    def _enter(self, view: V, caller: str) -> _WatchedView[S]:
        watched = self._views.get(view)
        if watched is None:
            watched = self._views[view] = _WatchedView(caller)
            watched.task = asyncio.create_task(self._keep(view, watched))
            self.open.take(caller)
        watched.callers[caller] += 1
        watched.viewers += 1
        self.viewers.take(caller)
        self._metrics.viewer(1)
        return watched

    def _leave(self, view: V, watched: _WatchedView[S], caller: str) -> None:
        watched.viewers -= 1
        watched.callers[caller] -= 1
        if not watched.callers[caller]:
            del watched.callers[caller]
        self.viewers.give_back(caller)
        self._metrics.viewer(-1)
        if not watched.viewers and watched.task is not None:
            watched.task.cancel()
            del self._views[view]
            self.open.give_back(watched.opener)

    async def _keep(self, view: V, watched: _WatchedView[S]) -> None:
        """Take another snapshot whenever something was written or the last one has expired."""
        while True:
            expires = await self._renew(view, watched)
            await asyncio.sleep(self._pause(watched))
            await self._wait(watched, expires)

    def _pause(self, watched: _WatchedView[S]) -> float:
        """Seconds until the next snapshot of a view. All callers who have views open get the same part of the time, and
        each divides its own among its views."""
        views = min(map(self.open.of, islice(watched.callers, MOST_SHARING)), default=1)
        return max(PAUSE, 2 * watched.took * max(1, views) * len(self.open), PAUSE_PER_VIEWER * watched.sent_to)

    async def _renew(self, view: V, watched: _WatchedView[S]) -> float:
        """Take a snapshot and wake the viewers if it is new; returns when it expires."""
        try:
            async with self._line.turn(watched.callers, watched.took):
                watched.stale.clear()
                started, asked = time.monotonic(), time.time()
                if self._committed is not None:
                    watched.committed = await self._committed()
                snapshot = await self._take(view, watched.snapshot)
                took = time.monotonic() - started
                watched.took, watched.newest_took = min(watched.newest_took, took), took
        except TaktlineError as exc:
            log.warning("the live page can't be brought up to date", why=exc.detail)
            return time.time() + self._retry_after
        watched.sent_to, was_known, watched.known = 0, self._known(watched) is not None, asked
        if snapshot is not watched.snapshot:
            watched.snapshot, watched.number, watched.sent_to = snapshot, watched.number + 1, watched.viewers
            await watched.wake()
        elif not was_known:
            await watched.wake()
        return snapshot.expires

    async def _wait(self, watched: _WatchedView[S], expires: float) -> None:
        """Wait until something was written or the snapshot has expired. Meanwhile every viewer is sent heartbeats."""
        while not watched.stale.is_set() and (left := expires - time.time()) > 0:
            with suppress(TimeoutError):  # wait_for() of Python 3.11 may lose that the last viewer has gone
                async with asyncio.timeout(min(left, self._heartbeat_after)):
                    await watched.stale.wait()
            if not watched.stale.is_set() and left > self._heartbeat_after:
                await watched.wake()


F = TypeVar("F", bound=Feed[Any, Any])


@asynccontextmanager
async def polling(feed: F) -> AsyncIterator[F]:
    """A feed that notices what other replicas write, for as long as the block lasts."""
    task = asyncio.create_task(feed.poll())
    try:
        yield feed
    finally:
        await feed.stop()
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
