"""Who gets the next turn, and who gets no place."""

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager, suppress

import pytest

from service.errors import ShareUsedUp, Unavailable
from service.limits.fair_line import FairLine

pytestmark = pytest.mark.anyio


class Watched:
    """A line with a clock of its own. It is noted who had a turn, in order, and each turn takes what it costs."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.line = FairLine("charts", 1, 100, clock=lambda: self.now)
        self.order: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def busy(self) -> AsyncIterator[None]:
        """Hold the only turn while the block runs, and then wait until everybody has had theirs."""
        async with self.line.turn(["somebody else"]):
            yield
            await asyncio.sleep(0)
        await asyncio.gather(*self.tasks)

    def ask(self, name: str, callers: Collection[str], cost: float = 1.0) -> None:
        self.tasks.append(asyncio.create_task(self._wait(name, callers, cost)))

    async def _wait(self, name: str, callers: Collection[str], cost: float) -> None:
        async with self.line.turn(callers, cost):
            self.order.append(name)
            self.now += cost


async def test_one_who_waits_for_much_lets_others_go_between() -> None:
    watched = Watched()
    async with watched.busy():
        for number in range(5):
            watched.ask(f"greedy {number}", ["greedy"])
        watched.ask("other 0", ["other"])
        watched.ask("other 1", ["other"])
    assert watched.order == ["greedy 0", "other 0", "greedy 1", "other 1", "greedy 2", "greedy 3", "greedy 4"]


async def test_shares_are_equal_in_time_and_not_in_turns() -> None:
    watched = Watched()
    async with watched.busy():
        for number in range(3):
            watched.ask(f"large {number}", ["greedy"], 3)
        for number in range(7):
            watched.ask(f"small {number}", ["other"], 1)
    seconds = {"large": 3, "small": 1}
    had = {"large": 0, "small": 0}
    for name in watched.order[:8]:
        had[name.split()[0]] += seconds[name.split()[0]]
        assert abs(had["large"] - had["small"]) <= 3, watched.order


async def test_who_comes_later_for_little_is_before_those_who_wait_for_much() -> None:
    watched = Watched()
    async with watched.busy():
        for number in range(10):
            watched.ask(f"large {number}", [f"greedy {number}"], 3)
        await asyncio.sleep(0)
        watched.ask("small", ["other"], 0.1)
    assert watched.order[0] == "small"


@pytest.mark.parametrize("by", ["same", "newcomer {}"])
async def test_the_large_is_not_passed_for_ever(by: str) -> None:
    """Neither by what the same caller asks for later, nor by others who come for the first time."""
    watched, last = Watched(), asyncio.Event()

    async def come(left: int) -> None:
        async with watched.line.turn([by.format(left)], 1):
            watched.order.append("small")
            watched.now += 1
            if left:
                watched.tasks.append(asyncio.create_task(come(left - 1)))
                await asyncio.sleep(0)  # the next one waits before the turn is free again
            else:
                last.set()

    async with watched.busy():
        watched.ask("large", ["same"], 3)
        watched.tasks.append(asyncio.create_task(come(100)))
    await last.wait()
    assert watched.order.index("large") < 30, watched.order


async def test_of_what_one_caller_wants_the_cheap_comes_first() -> None:
    watched = Watched()
    async with watched.busy():
        watched.ask("large", ["one"], 3)
        watched.ask("small", ["one"], 0.2)
    assert watched.order == ["small", "large"]


async def test_what_a_turn_was_thought_to_cost_is_put_right() -> None:
    watched = Watched()
    async with watched.busy():

        async def lie() -> None:
            async with watched.line.turn(["liar"], 0.1):
                watched.order.append("liar")
                watched.now += 4

        watched.tasks += [asyncio.create_task(lie()) for _ in range(2)]
        for number in range(4):
            watched.ask(f"other {number}", ["other"], 1)
    assert watched.order == ["liar", "other 0", "other 1", "other 2", "other 3", "liar"]


async def test_what_several_want_has_its_turn_with_the_first_of_them() -> None:
    watched = Watched()
    wanted = {"greedy"}
    async with watched.busy():
        for number in range(5):
            watched.ask(f"greedy {number}", ["greedy"])
        watched.ask("shared", wanted)
        await asyncio.sleep(0)
        wanted.add("other")
    assert watched.order.index("shared") <= 1


async def test_a_place_is_left_for_others() -> None:
    line = FairLine("charts", 1, 10)
    async with asyncio.TaskGroup() as group:

        async def wait(caller: str) -> None:
            with suppress(asyncio.CancelledError):
                async with line.turn([caller]):
                    await asyncio.Event().wait()

        tasks = [group.create_task(wait("greedy")) for _ in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(ShareUsedUp, match="has 5 charts waiting already"):
            async with line.turn(["greedy"]):
                pass
        for caller in ("a", "a", "b", "c", "d"):
            tasks.append(group.create_task(wait(caller)))
            await asyncio.sleep(0)
        with pytest.raises(Unavailable, match="too many charts waiting"):
            async with line.turn(["e"]):
                pass
        for task in tasks:
            task.cancel()
    assert line.taken == 0


async def test_some_turns_are_left_for_others() -> None:
    line = FairLine("charts", 3, 10, each=2, patience=0.01)
    async with line.turn(["greedy"]), line.turn(["greedy"]):
        with pytest.raises(Unavailable):
            async with line.turn(["greedy"]):
                pass
        async with line.turn(["other"]):
            pass


async def test_who_leaves_while_it_waits_or_has_its_turn_takes_no_turn_along() -> None:
    line = FairLine("charts", 1, 10)

    async def hold() -> None:
        async with line.turn(["one"]):
            await asyncio.Event().wait()

    holding = asyncio.create_task(hold())
    waiting = asyncio.create_task(hold())
    await asyncio.sleep(0)
    waiting.cancel()
    holding.cancel()
    await asyncio.gather(holding, waiting, return_exceptions=True)
    first, second = asyncio.create_task(hold()), asyncio.create_task(hold())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)  # the second was given the turn just now
    second.cancel()
    await asyncio.gather(first, second, return_exceptions=True)
    async with line.turn(["two"]):
        assert line.taken == 1
    assert line.taken == 0


async def test_callers_are_forgotten() -> None:
    line = FairLine("charts", 2, 10)
    async with line.turn(["stays"]):
        for number in range(1000):
            async with line.turn([str(number)]):
                pass
        assert list(line._tags) == ["stays"]  # nothing else shows it
