"""The messages of one WebSocket, in order. While a frame waits for the database, those behind it are read on and kept,
up to a limit: a ping may be among them, and a client whose pings nobody answers takes its connection for dead."""

import asyncio
from collections import deque
from collections.abc import Coroutine
from typing import Any, TypeVar

from litestar import WebSocket

T = TypeVar("T")
MESSAGE = 300
"""Bytes that a message takes beside what it says, about: of an empty one, too, there may be no end."""


class Allowance:
    """Bytes that all the sockets of a service may keep together, `most`, and each of them, `each`, or one message
    more."""

    def __init__(self, most: int, each: int) -> None:
        self._most, self.each = most, each
        self.used = 0

    @property
    def is_left(self) -> bool:
        return self.used < self._most


class Inbox:
    """One socket's messages."""

    def __init__(self, socket: WebSocket[Any, Any, Any], allowance: Allowance) -> None:
        self._socket, self._allowance = socket, allowance
        self._kept: deque[dict[str, Any]] = deque()
        self._bytes = 0
        self._ended = False

    async def next(self) -> dict[str, Any]:
        """The next message."""
        if not self._kept:
            return dict(await self._socket.receive())
        message = self._kept.popleft()
        self._count(-_size(message))
        return message

    async def reading_on(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` comes to; meanwhile messages are kept, as long as there is room for them."""
        working = asyncio.ensure_future(work)
        try:
            while not working.done() and await self._keep_one(working):
                pass
            return await working
        finally:
            working.cancel()

    async def _keep_one(self, working: "asyncio.Future[T]") -> bool:
        """Keep a message, if one comes before the work is done; False where no more may be kept."""
        if self._ended or self._bytes >= self._allowance.each or not self._allowance.is_left:
            return False
        receiving = asyncio.ensure_future(self._socket.receive())
        try:
            either: set[asyncio.Future[Any]] = {working, receiving}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            receiving.cancel()  # what it would have received is still there for the next
        if receiving.done():
            message = dict(receiving.result())
            self._kept.append(message)
            self._count(_size(message))
            self._ended = message["type"] == "websocket.disconnect"
        return True

    def forget(self) -> int:
        """Drop what is kept, at the end of the socket; how many frames that were."""
        self._count(-self._bytes)
        frames = len([message for message in self._kept if message["type"] == "websocket.receive"])
        self._kept.clear()
        return frames

    def _count(self, size: int) -> None:
        self._bytes += size
        self._allowance.used += size


def _size(message: dict[str, Any]) -> int:
    return MESSAGE + len(message.get("text") or message.get("bytes") or b"")
