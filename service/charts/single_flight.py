"""Single flight: what several callers want at the same time is read or made once, for all of them. Where that has to
wait for a turn, it gets the turn of whichever of them comes first."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable
from contextlib import nullcontext
from typing import Generic, Literal, TypeVar

from cachetools import LRUCache

from service.limits.fair_line import FairLine

T = TypeVar("T")
ENTRY = 300
"""About how many bytes of memory an answer takes beside its own, with its key: tiny ones count as well."""
CacheStatus = Literal["hit", "shared", "miss"]
"""Whether an answer was in the cache, was being made for another caller already, or had to be made."""


class SharedReads(Generic[T]):
    """At most one read of a kind is under way. All who ask for another meanwhile share the next one, which begins when
    that one has ended: so every caller's answer was read after the caller asked. Reads wait for their turns in `line`,
    if there is one.
    """

    def __init__(self, line: FairLine | None = None) -> None:
        self._line = line
        self._callers: dict[Hashable, set[str]] = {}
        """Who waits for the next read."""
        self._next: dict[Hashable, asyncio.Task[T]] = {}
        self._running: dict[Hashable, asyncio.Task[T]] = {}

    async def read(self, key: Hashable, read: Callable[[], Awaitable[T]], caller: str = "") -> T:
        """What `read` returns; it is called after this call began."""
        self._callers.setdefault(key, set()).add(caller)
        task = self._next.get(key)
        if task is None:
            task = self._next[key] = asyncio.create_task(self._read_after(self._running.get(key), key, read))
            task.add_done_callback(_retrieve)
        # shielded, since a caller that is cancelled must not cancel the read of the others
        return await asyncio.shield(task)

    async def _read_after(self, before: "asyncio.Task[T] | None", key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        if before is not None:
            await asyncio.wait([before])
            await asyncio.sleep(0)  # callers that the last read answered may ask again at once, and share this one
        try:
            async with self._line.turn(self._callers[key]) if self._line else nullcontext():
                self._running[key] = self._next.pop(key)
                del self._callers[key]
                return await read()
        finally:
            me = asyncio.current_task()
            if self._running.get(key) is me:
                del self._running[key]
            elif self._next.get(key) is me:  # it got no turn
                del self._next[key], self._callers[key]


class Cache:
    """Answers that never change, by short keys. Each is made once for all who ask meanwhile, and kept while there is
    room."""

    def __init__(self, most_bytes: int) -> None:
        self._kept: LRUCache[str, bytes] = LRUCache(most_bytes, getsizeof=lambda it: ENTRY + len(it))
        self._under_way: dict[str, asyncio.Task[bytes]] = {}
        self._callers: dict[str, set[str]] = {}

    async def get(
        self, key: str, make: Callable[[Collection[str]], Awaitable[bytes]], caller: str = ""
    ) -> tuple[bytes, CacheStatus]:
        """The answer, and where it came from. `make` is given the callers who wait for it, to whom others are added
        meanwhile."""
        kept = self._kept.get(key)
        if kept is not None:
            return kept, "hit"
        task = self._under_way.get(key)
        status: CacheStatus = "shared" if task else "miss"
        callers = self._callers.setdefault(key, set())
        callers.add(caller)
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._make(key, lambda: make(callers)))
            task.add_done_callback(_retrieve)
        return await asyncio.shield(task), status

    async def _make(self, key: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        try:
            made = await make()
        finally:
            del self._under_way[key], self._callers[key]
        if ENTRY + len(made) <= self._kept.maxsize:
            self._kept[key] = made
        return made

    @property
    def size(self) -> int:
        """Bytes of memory that are taken."""
        return int(self._kept.currsize)


def _retrieve(task: "asyncio.Task[T]") -> None:
    """Look at the task's exception, so that asyncio doesn't log it where no caller waits for the task any more."""
    if not task.cancelled():
        task.exception()
