"""Waits for what others have under way in the database."""

import asyncio

from service.errors import Unavailable
from service.store.pool import Pool

LOOK_EVERY = 0.01
"""Seconds between two looks at it."""


async def ended(pool: Pool, name: str, patience: float, what: str) -> None:
    """Wait for the end of what is under way now, as the query of that name lists it: of `writers`, so that whoever
    writes from then on sees what is committed now. Raises Unavailable, which names `what`, after so many seconds."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + patience
    [[before]] = await pool.read(name)
    while before:
        if loop.time() > give_up:
            raise Unavailable(f"{what} for {patience:g} seconds already.")
        await asyncio.sleep(LOOK_EVERY)
        [[running]] = await pool.read(name)
        before = set(before) & set(running)
