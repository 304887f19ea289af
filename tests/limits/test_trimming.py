"""Memory is given back to the operating system."""

import asyncio
import ctypes
from contextlib import suppress

import pytest

from service.limits.trimming import MUCH, taken, trim
from tests.harness import until

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="this C library gives back by itself"),
]


async def test_what_was_taken_without_being_counted_is_given_back() -> None:
    trimming = asyncio.create_task(trim(lambda: 0, 0.01))
    await asyncio.sleep(0.05)
    blocks = [bytes(2000) for _ in range(2 * MUCH // 1000)]
    before = taken()
    del blocks[::2], blocks[1::2], blocks[::5]  # what is left lies between what was freed
    assert len(blocks) > 1000
    await until(lambda: taken() < before - MUCH // 2)
    trimming.cancel()
    with suppress(asyncio.CancelledError):
        await trimming
