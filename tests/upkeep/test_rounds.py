"""The rhythm of maintenance."""

import asyncio

import pytest

from service.errors import Unavailable
from service.upkeep.rounds import every

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("fault", [Unavailable("The database is away."), ValueError("a fault of our own")])
async def test_a_round_that_fails_is_followed_by_the_next(fault: Exception) -> None:
    rounds, third = 0, asyncio.Event()

    async def work() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            third.set()
        raise fault

    task = asyncio.create_task(every(0.001, work))
    try:
        async with asyncio.timeout(10):
            await third.wait()
    finally:
        task.cancel()
