"""Single flight: what several callers want at the same time is read or made once, for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, Literal, TypeVar

from cachetools import LRUCache

T = TypeVar("T")
CacheStatus = Literal["hit", "shared", "miss"]
"""Whether an answer was in the cache, was being made for another caller already, or had to be made."""


class SharedReads(Generic[T]):
    """At most one read of a kind is under way. All who ask for another meanwhile share the next one, which begins when
    that one has ended: so every caller's answer was read after the caller asked.
    """

    def __init__(self) -> None:
        self._next: dict[Hashable, asyncio.Task[T]] = {}
        self._running: dict[Hashable, asyncio.Task[T]] = {}

    async def read(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """What `read` returns; it is called after this call began."""
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
        self._running[key] = self._next.pop(key)
        try:
            return await read()
        finally:
            if self._running.get(key) is asyncio.current_task():
                del self._running[key]


class Cache:
    """Answers that never change, by key. Each is made once for all who ask meanwhile, and kept while there is room."""

    def __init__(self, most_bytes: int) -> None:
        self._kept: LRUCache[str, bytes] = LRUCache(most_bytes, getsizeof=len)
        self._under_way: dict[str, asyncio.Task[bytes]] = {}

    async def get(self, key: str, make: Callable[[], Awaitable[bytes]]) -> tuple[bytes, CacheStatus]:
        """The answer, and where it came from."""
        kept = self._kept.get(key)
        if kept is not None:
            return kept, "hit"
        task = self._under_way.get(key)
        status: CacheStatus = "shared" if task else "miss"
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._make(key, make))
            task.add_done_callback(_retrieve)
        return await asyncio.shield(task), status

    async def _make(self, key: str, make: Callable[[], Awaitable[bytes]]) -> bytes:
        try:
            made = await make()
        finally:
            del self._under_way[key]
        if len(made) <= self._kept.maxsize:
            self._kept[key] = made
        return made

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return int(self._kept.currsize)


def _retrieve(task: "asyncio.Task[T]") -> None:
    """Look at the task's exception, so that asyncio doesn't log it where no caller waits for the task any more."""
    if not task.cancelled():
        task.exception()
