"""Work in a thread, so that others have their turns at the event loop meanwhile."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class OneAtATime:
    """One piece of work after the other: of several at once none would be done sooner."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def run(self, work: Callable[[], T]) -> T:
        """What the work comes to."""
        async with self._turn:
            return await asyncio.to_thread(work)
