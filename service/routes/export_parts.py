"""The parts of an export on their way from the database to the client."""

import asyncio
from collections.abc import AsyncIterator, Callable

from service.errors import Unauthorized
from service.limits.fair_line import FairLine
from service.store import Columns


async def in_turn(parts: AsyncIterator[Columns], reading: FairLine, caller: str) -> AsyncIterator[Columns]:
    """The parts, for each of which the caller waits for a turn."""
    while True:
        async with reading.turn((caller,)):
            part = await anext(parts, None)
        if part is None:
            return
        yield part


async def ahead(parts: AsyncIterator[Columns]) -> AsyncIterator[Columns]:
    """The parts, each of which is read while the one before it is written and sent."""
    coming = asyncio.create_task(_next(parts))
    try:
        while (part := await coming) is not None:
            coming = asyncio.create_task(_next(parts))
            yield part
    finally:
        coming.cancel()
        coming.add_done_callback(_leave_failure)


async def _next(parts: AsyncIterator[Columns]) -> Columns | None:
    return await anext(parts, None)


def _leave_failure(done: "asyncio.Task[Columns | None]") -> None:
    """Take note of how it ended, so that nobody is told that it failed: nobody waits for this part any more."""
    if not done.cancelled():
        done.exception()


async def while_admitted(parts: AsyncIterator[Columns], admitted: Callable[[], bool]) -> AsyncIterator[Columns]:
    """The parts; Unauthorized, which cuts the connection, as soon as the caller may not see them any more."""
    async for part in parts:
        if not admitted():
            raise Unauthorized
        yield part


async def beginning_with(first: Columns | None, parts: AsyncIterator[Columns]) -> AsyncIterator[Columns]:
    """The parts, of which the first was read already; None where there is none."""
    if first is not None:
        yield first
        async for part in parts:
            yield part
