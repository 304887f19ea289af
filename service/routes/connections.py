"""The open connections, which have to be told when the service stops."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Stoppable(Protocol):
    """An open connection that can be told to finish, or several."""

    async def stop(self) -> None: ...


class Connections:
    """Those that are open now."""

    def __init__(self) -> None:
        self._open: set[Stoppable] = set()

    def __iter__(self) -> Iterator[Stoppable]:
        return iter(self._open)

    @contextmanager
    def holding(self, connection: Stoppable) -> Iterator[None]:
        """It is open while the block runs."""
        self._open.add(connection)
        try:
            yield
        finally:
            self._open.discard(connection)
