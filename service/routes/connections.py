"""The open WebSockets that send readings, so that they can be closed in order when the service stops."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from service.access.grants import Grant


class Connection(Protocol):
    """An open WebSocket."""

    @property
    def grant(self) -> Grant:
        """What its sender may do."""

    def expel(self) -> None:
        """Accept no more readings, since the sender's key has ended, and close the connection soon."""

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

    async def expel(self, admits: Callable[[Grant], bool]) -> None:
        """Close all connections whose grant doesn't hold any more."""
        for one in [one for one in self._open if not admits(one.grant)]:
            one.expel()

    @contextmanager
    def holding(self, connection: Connection) -> Iterator[None]:
        """Keep a connection in the set while the block runs."""
        self._open.add(connection)
        try:
            yield
        finally:
            self._open.discard(connection)
