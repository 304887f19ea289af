"""Runs work in a thread, so that other tasks have their turns at the event loop meanwhile."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from service.limits.fair_line import FairLine

T = TypeVar("T")


class OneAtATime:
    """Runs one piece of work after the other, since none would be done sooner if several ran at the same time. Callers
    take turns; of `what` they want, at most `places` may wait."""

    def __init__(self, what: str, places: int) -> None:
        self._line = FairLine(what, 1, places)

    async def run(self, work: Callable[[], T], caller: str, cost: float = 0.0) -> T:
        """The result of the work, which takes about `cost` seconds. Raises ShareUsedUp or Unavailable where too much
        waits."""
        async with self._line.turn((caller,), cost):
            return await asyncio.to_thread(work)
