"""What the workers of one service and their parent tell each other, and what a worker knows of the others by it.

They talk over a pair of connected sockets, which belongs to the two alone and ends with either of them: so the parent
learns that a worker has ended, and no worker outlives its parent.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from itertools import count
from typing import Generic, TypeAlias, TypeVar, assert_never

import msgspec

from service.errors import Unavailable
from service.exposition import Counted

PATIENCE = 5.0
"""Seconds that a worker waits for what its parent has to say."""
LENGTH = 4
"""Bytes before each message that say how long it is."""


class Ready(msgspec.Struct, frozen=True, tag=True):
    """From a worker: it takes connections now."""


class Told(msgspec.Struct, frozen=True, tag=True):
    """From a worker: what it has counted; the answer to the question of this number, or its last word."""

    number: int
    metrics: list[Counted]


class Asking(msgspec.Struct, frozen=True, tag=True):
    """From a worker: what it has counted, and the question what all have."""

    number: int
    metrics: list[Counted]


class Tell(msgspec.Struct, frozen=True, tag=True):
    """From the parent: the question what the worker has counted."""

    number: int


class Together(msgspec.Struct, frozen=True, tag=True):
    """From the parent: what all have counted, in answer to the question of this number."""

    number: int
    metrics: list[Counted]


class Standing(msgspec.Struct, frozen=True, tag=True):
    """From the parent: how many workers there should be, and how many of them take connections."""

    wanted: int
    ready: int


FromWorker: TypeAlias = Ready | Told | Asking
FromParent: TypeAlias = Tell | Together | Standing
S = TypeVar("S", FromWorker, FromParent)
R = TypeVar("R", FromWorker, FromParent)


class Channel(Generic[S, R]):
    """One end of the pair: sends messages of one kind, and receives those of the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: object) -> None:
        self._reader, self._writer = reader, writer
        self._decoder: msgspec.msgpack.Decoder[R] = msgspec.msgpack.Decoder(kind)
        self._encoder = msgspec.msgpack.Encoder()

    def send(self, message: S) -> None:
        """Send a message; to an end that is gone, nothing."""
        body = self._encoder.encode(message)
        if not self._writer.is_closing():
            self._writer.write(len(body).to_bytes(LENGTH, "big") + body)

    async def messages(self) -> AsyncIterator[R]:
        """All that the other end sends, until it is gone."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                length = int.from_bytes(await self._reader.readexactly(LENGTH), "big")
                yield self._decoder.decode(await self._reader.readexactly(length))

    async def close(self) -> None:
        """Send what is still to be sent, and end the connection."""
        with suppress(OSError):
            await self._writer.drain()
            self._writer.close()
            await self._writer.wait_closed()


async def worker_channel(sock: socket.socket) -> Channel[FromWorker, FromParent]:
    """The end of a worker."""
    return Channel(*await asyncio.open_unix_connection(sock=sock), FromParent)


async def parent_channel(sock: socket.socket) -> Channel[FromParent, FromWorker]:
    """The end of the parent."""
    return Channel(*await asyncio.open_unix_connection(sock=sock), FromWorker)


class Crew:
    """All workers, as one of them knows them. `counted` returns what this one has counted."""

    def __init__(self, channel: Channel[FromWorker, FromParent]) -> None:
        self._channel = channel
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[list[Counted]]] = {}
        self.counted: Callable[[], list[Counted]] = list
        self.standing = Standing(0, 0)

    @property
    def trouble(self) -> str | None:
        """A sentence where not all workers take connections."""
        wanted, ready = self.standing.wanted, self.standing.ready
        return (
            None if ready >= wanted else f"Only {ready} of {wanted} workers take connections; the others are started."
        )

    def ready(self) -> None:
        """Tell the parent that this worker takes connections."""
        self._channel.send(Ready())

    async def together(self) -> list[Counted]:
        """What all workers have counted, those included that have ended. Unavailable: the parent doesn't answer."""
        number = next(self._numbers)
        answer: asyncio.Future[list[Counted]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        try:
            self._channel.send(Asking(number, self.counted()))
            async with asyncio.timeout(PATIENCE):
                return await answer
        except TimeoutError as exc:
            raise Unavailable("What the other workers have counted can't be learned now.") from exc
        finally:
            del self._answers[number]

    async def listen(self) -> None:
        """Answer the parent, until it is gone."""
        async for message in self._channel.messages():
            match message:
                case Tell(number):
                    self._channel.send(Told(number, self.counted()))
                case Together(number, metrics):
                    if (answer := self._answers.get(number)) is not None and not answer.done():
                        answer.set_result(metrics)
                case Standing():
                    self.standing = message
                case _:
                    assert_never(message)


@asynccontextmanager
async def joined(sock: socket.socket, alone: Callable[[], None]) -> AsyncIterator[Crew]:
    """Belong to the crew until the block ends, with what was counted as the last word. `alone` is called where the
    parent is gone before."""
    channel = await worker_channel(sock)
    crew = Crew(channel)
    listening = asyncio.create_task(crew.listen())
    listening.add_done_callback(lambda task: None if task.cancelled() else alone())
    try:
        yield crew
    finally:
        listening.cancel()
        channel.send(Told(0, crew.counted()))
        await channel.close()
