"""Gives memory back to the operating system that was held for clients and isn't any more. C's allocator keeps what was
freed between pieces that are still in use: 250 MiB of it were seen after an attack. glibc gives it back when told to;
other C libraries have no such function, and mostly don't need it."""

import asyncio
import ctypes
import resource
from collections.abc import Callable
from pathlib import Path

MUCH = 32 * 2**20
"""Bytes that have to be freed before it is worth the time, which is about a millisecond for each 10 MiB. The same for
bytes that the process has beyond the least it ever had: what is being parsed isn't counted as held."""
LATER = 10
"""Looks after which it is done once more, since connections that were given up linger for a while; and how many there
are between two looks at what the process has taken."""


async def trim(held: Callable[[], int], every: float) -> None:
    """Look every so many seconds whether much less is held than before, until cancelled."""
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if give_back is None:
        return
    most, later, least = 0, 0, taken()
    while True:
        await asyncio.sleep(every)
        most, later = max(most, held()), later - 1
        if most - held() >= MUCH:
            most, later = held(), LATER
        elif later % LATER or (later and taken() < least + MUCH):
            continue
        await asyncio.to_thread(give_back, 0)
        least = min(least, taken())


def taken() -> int:
    """The bytes of memory that this process has from the operating system; 0 where that isn't told."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return 0
