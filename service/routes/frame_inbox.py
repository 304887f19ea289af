"""Receives the messages of a WebSocket. While a frame waits for the database, later messages are received and kept, up
to a limit, so that pings among them are answered: a client whose pings aren't answered gives its connection up."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any, TypeVar

from litestar import WebSocket

T = TypeVar("T")
MESSAGE = 300
"""About how many bytes of memory a message takes beside its content, so that empty messages count as well."""


class KeptBytes:
    """Limits the bytes of kept messages: `most` for all sockets of the service together, and `each` for one socket.
    Each limit may be exceeded by one message."""

    def __init__(self, most: int, each: int) -> None:
        self._most, self.each = most, each
        self.used = 0

    @property
    def has_room(self) -> bool:
        return self.used < self._most


class FrameInbox:
    """The messages of one socket, in order."""

    def __init__(self, socket: WebSocket[Any, Any, Any], kept_bytes: KeptBytes) -> None:
        self._socket, self._all_kept = socket, kept_bytes
        self._kept: deque[dict[str, Any]] = deque()
        self._bytes = 0
        self._ended = False

    async def next(self) -> dict[str, Any]:
        if not self._kept:
            return dict(await self._socket.receive())
        message = self._kept.popleft()
        self._count(-_size(message))
        return message

    async def receive_during(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for the result of `work`. Meanwhile messages are received and kept, as long as there is room for
        them."""
        working = asyncio.ensure_future(work)
        try:
            while not working.done() and await self._keep_one(working):
                pass
            return await working
        finally:
            working.cancel()

    async def _keep_one(self, working: "asyncio.Future[T]") -> bool:
        """Receive and keep a message, if one comes before the work is done. Returns False where no more may be kept."""
        if self._ended or self._bytes >= self._all_kept.each or not self._all_kept.has_room:
            return False
        receiving = asyncio.ensure_future(self._socket.receive())
        try:
            either: set[asyncio.Future[Any]] = {working, receiving}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            receiving.cancel()  # a cancelled receive() takes no message: the next call gets it
        if receiving.done():
            message = dict(receiving.result())
            self._kept.append(message)
            self._count(_size(message))
            self._ended = message["type"] == "websocket.disconnect"
        return True

    def forget(self) -> int:
        """Drop the kept messages at the end of the socket, and return how many of them were frames."""
        self._count(-self._bytes)
        frames = len([message for message in self._kept if message["type"] == "websocket.receive"])
        self._kept.clear()
        return frames

    def _count(self, size: int) -> None:
        self._bytes += size
        self._all_kept.used += size


def _size(message: dict[str, Any]) -> int:
    return MESSAGE + len(message.get("text") or message.get("bytes") or b"")
