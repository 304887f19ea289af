"""Gives memory back to the operating system that was held for clients and isn't any more. C's allocator keeps what was
freed between pieces that are still in use: 250 MiB of it were seen after an attack. glibc gives it back when told to;
other C libraries have no such function, and mostly don't need it."""

import asyncio
import ctypes
from collections.abc import Callable

MUCH = 32 * 2**20
"""Bytes that have to be freed before it is worth the time, which is about a millisecond for each 10 MiB."""
LATER = 10
"""Looks after which it is done once more, since connections that were given up linger for a while."""


async def trim(held: Callable[[], int], every: float) -> None:
    """Look every so many seconds whether much less is held than before, until cancelled."""
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is None:
        return
    most = later = 0
    while True:
        await asyncio.sleep(every)
        most, later = max(most, held()), later - 1
        if most - held() >= MUCH:
            most, later = held(), LATER
        elif later != 0:
            continue
        await asyncio.to_thread(give_back, 0)
