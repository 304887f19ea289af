"""Work that several ask for at once is done once. No I/O of its own."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, Literal, TypeVar

from cachetools import LRUCache

T = TypeVar("T")
How = Literal["hit", "shared", "miss"]


class Rounds(Generic[T]):
    """Reads in rounds: whoever asks while one is under way shares the next, which begins when this one is done.

    So everybody's answer was read after they asked, and however many ask, one read of a kind is under way.
    """

    def __init__(self) -> None:
        self._next: dict[Hashable, asyncio.Task[T]] = {}
        self._running: dict[Hashable, asyncio.Task[T]] = {}

    async def read(self, key: Hashable, read: Callable[[], Awaitable[T]]) -> T:
        """What `read` answers, called after this was."""
        task = self._next.get(key)
        if task is None:
            task = self._next[key] = asyncio.create_task(self._round(key, read, self._running.get(key)))
            task.add_done_callback(_look)
        # one who leaves must not take the answer from the others
        return await asyncio.shield(task)

    async def _round(self, key: Hashable, read: Callable[[], Awaitable[T]], before: "asyncio.Task[T] | None") -> T:
        if before is not None:
            await asyncio.wait([before])
            await asyncio.sleep(0)  # those whom the last one answered may ask again, and share this one
        self._running[key] = self._next.pop(key)
        try:
            return await read()
        finally:
            if self._running.get(key) is asyncio.current_task():
                del self._running[key]


class Cache:
    """Answers that never change, by key: made once for all who ask meanwhile, and kept while there is room."""

    def __init__(self, most_bytes: int) -> None:
        self._kept: LRUCache[str, bytes] = LRUCache(most_bytes, getsizeof=len)
        self._under_way: dict[str, asyncio.Task[bytes]] = {}

    async def get(self, key: str, make: Callable[[], Awaitable[bytes]]) -> tuple[bytes, How]:
        """The answer, and whether it was there, somebody else's, or had to be made."""
        kept = self._kept.get(key)
        if kept is not None:
            return kept, "hit"
        task = self._under_way.get(key)
        how: How = "shared" if task else "miss"
        if task is None:
            task = self._under_way[key] = asyncio.create_task(self._make(key, make))
            task.add_done_callback(_look)
        return await asyncio.shield(task), how

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
        """Bytes kept."""
        return int(self._kept.currsize)


def _look(task: "asyncio.Task[T]") -> None:
    """A failure that nobody waits for any more is no news."""
    if not task.cancelled():
        task.exception()
