"""A TCP proxy that misbehaves on demand: it cuts connections in the middle of their data, or holds the data back."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum


class Way(Enum):
    """The direction of a chunk."""

    IN = "in"
    """From the client to the server."""
    OUT = "out"
    """From the server to the client."""


Tamper = Callable[[Way, bytes], bytes | None]
"""Returns the part of a chunk that is passed on before the connection is cut; None passes the whole chunk on without a
cut."""


class Proxy:
    """Forwards connections from a port of its own to another."""

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.port = 0
        self.tamper: Tamper | None = None
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self.refusing = False
        """Whether new connections are cut at once."""

    def cut(self) -> int:
        """Cut every connection, and return how many there were."""
        pairs = list(self._pairs)
        for pair in pairs:
            _abort(*pair)
        return len(pairs)

    def cut_within(self, way: Way, rng: random.Random) -> None:
        """Cut the connection that carries the next chunk in this direction, in the middle of that chunk."""

        def tamper(at: Way, chunk: bytes) -> bytes | None:
            if at is not way:
                return None
            self.tamper = None
            return chunk[: rng.randrange(len(chunk))]

        self.tamper = tamper

    def stall(self) -> None:
        """Hold all data back, and keep every connection."""
        self._flowing.clear()

    def forget(self) -> None:
        """Never pass anything on again on the present connections, without cutting them. New connections work."""
        self._flowing.clear()
        self._flowing = asyncio.Event()
        self._flowing.set()

    def resume(self) -> None:
        """Pass data on again, beginning with what was held back."""
        self._flowing.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        flowing = self._flowing
        try:
            if not self.refusing:
                await flowing.wait()
                await self._join(reader, writer, flowing)
        finally:
            _abort(writer)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event) -> None:
        try:
            upstream_reader, upstream_writer = await asyncio.open_connection(*self.target)
        except OSError:
            return
        pair = (writer, upstream_writer)
        self._pairs.add(pair)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, upstream_writer, Way.IN, flowing))
                group.create_task(self._pump(upstream_reader, writer, Way.OUT, flowing))
        except* (OSError, _Cut):
            pass
        finally:
            self._pairs.discard(pair)
            _abort(*pair)

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Way, flowing: asyncio.Event
    ) -> None:
        while chunk := await reader.read(65536):
            await flowing.wait()
            if writer.is_closing():  # cut while this chunk was read or held back
                raise _Cut
            kept = None if self.tamper is None else self.tamper(way, chunk)
            writer.write(chunk if kept is None else kept)
            await writer.drain()
            if kept is not None:
                raise _Cut
        await flowing.wait()
        with suppress(OSError, RuntimeError):
            writer.write_eof()


class _Cut(Exception):
    """The connection is to be cut here."""


def _abort(*writers: asyncio.StreamWriter) -> None:
    for writer in writers:
        writer.transport.abort()


@asynccontextmanager
async def proxy(host: str, port: int) -> AsyncIterator[Proxy]:
    """A proxy on a free port of 127.0.0.1."""
    made = Proxy(host, port)
    connections: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(made.serve(reader, writer))
        connections.add(task)
        task.add_done_callback(connections.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        made.resume()
        made.cut()
        for task in list(connections):
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
