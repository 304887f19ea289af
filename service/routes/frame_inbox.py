"""Receives the messages of a WebSocket. While a frame waits for the database, later messages are received and kept, up
to a limit, so that pings among them are answered: a client whose pings aren't answered gives its connection up."""

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, TypeVar

from litestar import WebSocket

from service.limits.allowance import Hold

T = TypeVar("T")
MESSAGE = 300
"""About how many bytes of memory a message takes beside its content, so that empty messages count as well."""

RECEIVED = "received"
"""When a message was received, if it was kept before it was taken, in the message itself."""


class FrameInbox:
    """The messages of one socket, in order. Those that wait are held in `hold`; at most about `most` bytes of them are
    received ahead, a limit that one message may exceed."""

    def __init__(self, socket: WebSocket[Any, Any, Any], hold: Hold, most: int) -> None:
        self._socket, self._hold, self._most = socket, hold, most
        self._kept: deque[dict[str, Any]] = deque()
        self._bytes = 0
        self._ended = False

    async def next(self) -> dict[str, Any]:
        if not self._kept:
            return dict(await self._socket.receive())
        message = self._kept.popleft()
        self._bytes -= _size(message)
        self._hold.set(self._bytes)
        return message

    async def receive_during(self, message: dict[str, Any], work: Coroutine[Any, Any, T]) -> T:
        """Wait for the result of `work` on a message. Meanwhile later messages are received and kept, as long as there
        is room for them."""
        in_hand = _size(message)
        working = asyncio.ensure_future(work)
        try:
            while not working.done() and await self._keep_one(working, in_hand):
                pass
            return await working
        finally:
            working.cancel()
            self._hold.set(self._bytes)

    @contextmanager
    def holding(self, message: dict[str, Any]) -> Iterator[None]:
        """A block in which a message is still held, because its answer waits for room."""
        self._hold.set(self._bytes + _size(message))
        try:
            yield
        finally:
            self._hold.set(self._bytes)

    async def _keep_one(self, working: "asyncio.Future[T]", in_hand: int) -> bool:
        """Receive and keep a message, if one comes before the work is done. Returns False where no more may be kept."""
        if not self._hold.set(in_hand + self._bytes) or self._ended or self._bytes >= self._most:
            return False
        receiving = asyncio.ensure_future(self._socket.receive())
        try:
            either: set[asyncio.Future[Any]] = {working, receiving}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            receiving.cancel()  # a cancelled receive() takes no message: the next call gets it
        if receiving.done():
            message = {**receiving.result(), RECEIVED: perf_counter()}
            self._kept.append(message)
            self._bytes += _size(message)
            self._ended = message["type"] == "websocket.disconnect"
        return True

    def forget(self) -> int:
        """Drop the kept messages at the end of the socket, and return how many of them were frames."""
        self._bytes = 0
        self._hold.release()
        frames = len([message for message in self._kept if message["type"] == "websocket.receive"])
        self._kept.clear()
        return frames


def _size(message: dict[str, Any]) -> int:
    return MESSAGE + len(message.get("text") or message.get("bytes") or b"")
