"""Turns at the event loop. Parsing is cut into slices of a few milliseconds, and between two slices everybody else has
a turn, however many senders have something long to parse at the same time.

A thread would not do: decoders hold the interpreter's lock, so that the event loop waits for them anyway.
"""

import asyncio
from collections.abc import Generator
from time import perf_counter
from typing import TypeVar

from service.limits.fair_line import FairLine

T = TypeVar("T")
Work = Generator[None, None, T]
"""Work that stops after each small part, and that returns its result at the end."""
SLICE = 0.002
"""Seconds of work after which others have a turn."""
LONG_AFTER = 10
"""After how many slices something counts as long. A batch of a thousand readings is done before."""
LONG_AT_ONCE, LONG_EACH = 4, 2
"""How many things that are long are worked on at the same time, and how many of one sender. The others wait where they
are, since what was parsed of each takes memory until its end."""
UNLIMITED = 2**62


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
        self.queue = asyncio.Lock()
        self.long = FairLine("long batches", LONG_AT_ONCE, UNLIMITED, LONG_EACH)

    def share(self, caller: str = "") -> "Share":
        """The share of one sender."""
        return Share(self, caller)


class Share:
    """One sender's share of the event loop's time."""

    __slots__ = ("_caller", "_left", "_turns")

    def __init__(self, turns: Turns, caller: str) -> None:
        self._turns, self._caller = turns, caller
        self._left = SLICE

    async def do(self, work: Work[T]) -> T:
        """Do the work, and rest after each slice."""
        if done := await self._slices(work, LONG_AFTER):
            return done[0]
        async with self._turns.long.turn((self._caller,)):
            while not done:
                done = await self._slices(work, LONG_AFTER)
            return done[0]

    async def _slices(self, work: Work[T], most: int) -> tuple[T] | None:
        """Do at most so many slices of the work. Returns its result once it is done."""
        while most:
            if self._left <= 0:
                await self.rest()
                most -= 1
            ends = perf_counter() + self._left
            try:
                while perf_counter() < ends:
                    next(work)
            except StopIteration as done:
                return (done.value,)
            finally:
                self._left = ends - perf_counter()
        return None

    def has_worked(self, seconds: float) -> bool:
        """Count work that was done otherwise. Returns whether it is time to rest."""
        self._left -= seconds
        return self._left <= 0

    async def rest(self) -> None:
        """Let all others have a turn, first those who have waited longest for one of theirs."""
        async with self._turns.queue:
            await asyncio.sleep(0)
        self._left = SLICE
