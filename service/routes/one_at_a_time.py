"""Runs work in a thread, so that other tasks have their turns at the event loop meanwhile."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class OneAtATime:
    """Runs one piece of work after the other, since none would be done sooner if several ran at the same time."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def run(self, work: Callable[[], T]) -> T:
        """The result of the work."""
        async with self._turn:
            return await asyncio.to_thread(work)
