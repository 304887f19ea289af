"""A line in which callers wait for their turns, so that one who wants much doesn't hold up the others.

Callers get equal shares of the time, and not of the turns: who has had the least comes next, and of two who have had
the same, the one that asks for less. That is self-clocked fair queueing (Golestani 1994,
https://doi.org/10.1109/INFCOM.1994.337677). Among what one caller waits for, the cheap comes first, but it overtakes
what costs more for a while only.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from itertools import islice

from service.limits.places import Places

MOST_SHARING = 16
"""Of how many callers something gets the turn that they all want: each of them is looked at whenever a turn is
given."""
AGEING = 8.0
"""For how many times the difference of their costs something cheaper may overtake what its caller has asked for
before."""


class _Turn:
    """Something that waits, or has its turn. `caller` is who holds its place; `taker` is the one of `callers` whose
    turn it got. `since` is when it came, in the line's own time."""

    __slots__ = ("caller", "callers", "cost", "granted", "rank", "since", "started", "taker")

    def __init__(self, caller: str, callers: Collection[str], cost: float, since: float, now: float) -> None:
        self.caller, self.callers, self.cost, self.since = caller, callers, cost, since
        self.rank = now + AGEING * cost
        self.granted: asyncio.Future[None] | None = None
        self.taker: str | None = None
        self.started = 0.0


class FairLine:
    """Gives at most `turns` at the same time, at most `each` of them to one caller, where `places` is the number of
    those that may wait or have their turns, and `patience` how many seconds each may wait. `what` is the plural of what
    they wait for, in errors."""

    def __init__(
        self,
        what: str,
        turns: int,
        places: int,
        each: int | None = None,
        patience: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = Places(f"{what} waiting", places)
        self._each, self._patience, self._clock = each or turns, patience, clock
        self._free = turns
        self._waiting: list[_Turn] = []
        self._running: dict[str, int] = {}
        self._now = 0.0
        """The line's own time, in seconds of turns: the latest tag."""
        self._tags: dict[str, float] = {}
        """When, in that time, each caller will have had no more than the others."""

    @property
    def taken(self) -> int:
        """How many wait or have their turns."""
        return self._places.used

    @asynccontextmanager
    async def turn(self, callers: Collection[str], cost: float = 0.0) -> AsyncIterator[None]:
        """Wait for a turn, which lasts for as long as the block.

        Who waits for something that several callers want gets the turn of any of them; others may be added to
        `callers` while it waits. Its place is one of those of the caller that has the fewest. `cost` is about how many
        seconds the turn will last. Raises ShareUsedUp or Unavailable where there is no place, and Unavailable where the
        turn doesn't come in time.
        """
        turn = self._enter(callers, cost)
        try:
            if self._free and not self._waiting and self._may(turn.caller):
                self._begin(turn, turn.caller)
            else:
                await self._wait(turn)
            yield
        finally:
            self._leave(turn)

    async def _wait(self, turn: _Turn) -> None:
        turn.granted = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self._give()
        try:
            async with asyncio.timeout(self._patience):
                await turn.granted
        except TimeoutError:
            raise self._places.full() from None

    def _enter(self, callers: Collection[str], cost: float) -> _Turn:
        caller = min(islice(callers, MOST_SHARING), key=self._places.of)
        self._places.check(caller)
        self._places.take(caller)
        return _Turn(caller, callers, cost, self._now, self._clock())

    def _leave(self, turn: _Turn) -> None:
        if turn.taker is None:
            self._waiting.remove(turn)
        else:
            self._free += 1
            self._running[turn.taker] -= 1
            if not self._running[turn.taker]:
                del self._running[turn.taker]
            # what the turn has cost in truth counts, and not what it was thought to cost
            self._tags[turn.taker] += self._clock() - turn.started - turn.cost
            self._now = max(self._now, self._tags[turn.taker])
        self._places.give_back(turn.caller)
        for caller in (turn.caller, turn.taker):
            if caller in self._tags and caller not in self._places and caller not in self._running:
                del self._tags[caller]
        self._give()

    def _give(self) -> None:
        """Give free turns to those who come next."""
        while self._free and self._waiting and (chosen := self._next()) is not None:
            turn, caller = chosen
            self._waiting.remove(turn)
            self._begin(turn, caller)
            if turn.granted is not None and not turn.granted.done():  # who was just cancelled leaves at once
                turn.granted.set_result(None)

    def _begin(self, turn: _Turn, caller: str) -> None:
        self._free -= 1
        self._running[caller] = self._running.get(caller, 0) + 1
        self._tags[caller] = tag = self._tag(turn, caller)
        if tag > self._now:
            self._now = tag
        turn.taker, turn.started = caller, self._clock()

    def _may(self, caller: str) -> bool:
        """Whether this caller may have another turn."""
        return self._running.get(caller, 0) < self._each

    def _tag(self, turn: _Turn, caller: str) -> float:
        """The tag of a caller once it has had this turn."""
        return max(turn.since, self._tags.get(caller, 0.0)) + turn.cost

    def _next(self) -> tuple[_Turn, str] | None:
        """What comes next, and whose turn it gets."""
        best: dict[str, _Turn] = {}
        for turn in self._waiting:
            for caller in islice(turn.callers, MOST_SHARING):
                if caller not in best or turn.rank < best[caller].rank:
                    best[caller] = turn
        tags = [(self._tag(turn, caller), turn.rank, caller) for caller, turn in best.items() if self._may(caller)]
        if not tags:
            return None
        _, _, caller = min(tags)
        return best[caller], caller
