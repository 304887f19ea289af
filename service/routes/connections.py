"""The open WebSockets that send readings, so that they can be closed in order when the service stops."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Connection(Protocol):
    """An open WebSocket."""

    async def refuse(self) -> None:
        """Accept no more readings, and wait until the accepted ones are handed to the writer."""

    async def finish(self) -> None:
        """Send the remaining answers, close the connection, and wait until that is done."""


class Connections:
    """All open WebSockets that send readings."""

    def __init__(self) -> None:
        self._open: set[Connection] = set()

    async def refuse(self) -> None:
        """Refuse further readings on all connections."""
        await asyncio.gather(*(one.refuse() for one in self._open))

    async def finish(self) -> None:
        """Let all connections send their answers and close."""
        await asyncio.gather(*(one.finish() for one in self._open))

    @contextmanager
    def holding(self, connection: Connection) -> Iterator[None]:
        """Keep a connection in the set while the block runs."""
        self._open.add(connection)
        try:
            yield
        finally:
            self._open.discard(connection)
