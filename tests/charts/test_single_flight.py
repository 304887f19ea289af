"""Work that simultaneous requests share."""

import asyncio
from collections.abc import Collection

import pytest

from service.charts.single_flight import ENTRY, Cache, SharedReads

pytestmark = pytest.mark.anyio


async def test_who_asks_during_a_read_gets_the_next() -> None:
    rounds, begun = SharedReads[int](), 0
    release = asyncio.Event()

    async def read() -> int:
        nonlocal begun
        begun += 1
        mine = begun
        await release.wait()
        return mine

    first = [asyncio.create_task(rounds.read("key", read)) for _ in range(3)]
    await asyncio.sleep(0.01)
    late = [asyncio.create_task(rounds.read("key", read)) for _ in range(3)]
    await asyncio.sleep(0.01)
    assert begun == 1
    release.set()
    assert await asyncio.gather(*first) == [1, 1, 1]
    assert await asyncio.gather(*late) == [2, 2, 2]
    assert await rounds.read("key", read) == 3


async def test_who_leaves_does_not_take_the_answer_from_the_others() -> None:
    rounds, cache = SharedReads[bytes](), Cache(1000)

    async def slow() -> bytes:
        await asyncio.sleep(0.05)
        return b"answer"

    for ask in (lambda: rounds.read(1, slow), lambda: cache.get("1", lambda _: slow())):
        leaving, staying = asyncio.create_task(ask()), asyncio.create_task(ask())
        await asyncio.sleep(0.01)
        leaving.cancel()
        assert await staying in (b"answer", (b"answer", "shared"))


async def test_a_failure_is_everybodys_and_is_not_kept() -> None:
    rounds, cache = SharedReads[bytes](), Cache(1000)

    async def fail() -> bytes:
        await asyncio.sleep(0)
        raise ValueError

    async def succeed() -> bytes:
        return b"x"

    for answers in (
        await asyncio.gather(*(rounds.read(1, fail) for _ in range(3)), return_exceptions=True),
        await asyncio.gather(*(cache.get("1", lambda _: fail()) for _ in range(3)), return_exceptions=True),
    ):
        assert [type(answer) for answer in answers] == [ValueError] * 3
    assert await rounds.read(1, succeed) == b"x"
    assert await cache.get("1", lambda _: succeed()) == (b"x", "miss")


async def test_the_cache_is_bounded_in_bytes_and_forgets_what_was_not_used() -> None:
    cache = Cache(2 * ENTRY + 10)
    made = []

    async def get(key: str, size: int) -> str:
        async def make(_: Collection[str]) -> bytes:
            made.append(key)
            return bytes(size)

        return (await cache.get(key, make))[1]

    assert [await get("a", 4), await get("b", 4), await get("a", 4)] == ["miss", "miss", "hit"]
    assert await get("c", 4) == "miss"
    assert [await get("a", 4), await get("b", 4)] == ["hit", "miss"]
    assert await get("huge", ENTRY + 11) == "miss"
    assert await get("huge", ENTRY + 11) == "miss"
    assert cache.size <= 2 * ENTRY + 10
