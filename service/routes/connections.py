"""The open WebSockets that send readings, which have to be told when the service stops."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Connection(Protocol):
    """One that is open."""

    async def refuse(self) -> None:
        """Take nothing more in; returns when what was taken is handed over."""

    async def finish(self) -> None:
        """Then answer it, and close; returns when that is done."""


class Connections:
    """Those that are open now."""

    def __init__(self) -> None:
        self._open: set[Connection] = set()

    async def refuse(self) -> None:
        """Have all of them take nothing more in."""
        await asyncio.gather(*(one.refuse() for one in self._open))

    async def finish(self) -> None:
        """Have all of them answer and close."""
        await asyncio.gather(*(one.finish() for one in self._open))

    @contextmanager
    def holding(self, connection: Connection) -> Iterator[None]:
        """It is open while the block runs."""
        self._open.add(connection)
        try:
            yield
        finally:
            self._open.discard(connection)
