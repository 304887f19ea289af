"""Turns at the event loop. Parsing is cut into slices of a few milliseconds, and between two slices everybody else has
a turn, however many senders have something long to parse at the same time.

A thread would not do: decoders hold the interpreter's lock, so that the event loop waits for them anyway.
"""

import asyncio
from collections.abc import Generator
from time import perf_counter
from typing import TypeVar

T = TypeVar("T")
Work = Generator[None, None, T]
"""Work that stops after each small part, and that returns its result at the end."""
SLICE = 0.002
"""Seconds of work after which others have a turn."""


def at_once(work: Work[T]) -> T:
    """The result of work that is short, or that nobody waits for."""
    while True:
        try:
            next(work)
        except StopIteration as done:
            result: T = done.value
            return result


class Turns:
    """What all senders share: between two turns of the event loop, one of them goes on with its work."""

    def __init__(self) -> None:
        self._queue = asyncio.Lock()

    def share(self) -> "Share":
        """The share of one sender."""
        return Share(self._queue)


class Share:
    """One sender's share of the event loop's time."""

    __slots__ = ("_left", "_queue")

    def __init__(self, queue: asyncio.Lock) -> None:
        self._queue = queue
        self._left = SLICE

    async def do(self, work: Work[T]) -> T:
        """Do the work, and rest after each slice."""
        while True:
            if self._left <= 0:
                await self.rest()
            ends = perf_counter() + self._left
            try:
                while perf_counter() < ends:
                    next(work)
            except StopIteration as done:
                result: T = done.value
                return result
            finally:
                self._left = ends - perf_counter()

    def has_worked(self, seconds: float) -> bool:
        """Count work that was done otherwise. Returns whether it is time to rest."""
        self._left -= seconds
        return self._left <= 0

    async def rest(self) -> None:
        """Let all others have a turn, first those who have waited longest for one of theirs."""
        async with self._queue:
            await asyncio.sleep(0)
        self._left = SLICE
