"""`python -m bench.askers URL`: dashboards that show several charts, anew every second, until they are ended.

In a process of their own: what a client library does with eight answers mustn't hold up who measures meanwhile.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

CLIENTS = 8


@asynccontextmanager
async def asking(url: str) -> AsyncIterator[None]:
    """They ask while the block runs; an error where one was not answered."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.askers", url)
    try:
        await asyncio.sleep(2)  # until they have begun
        yield
        assert process.returncode is None, "a chart was not answered"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ask(url: str, number: int) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=60) as http:
        while True:
            answer = await http.get("/chart", params={"series": "hour", "width": 600 + number, "format": "png"})
            assert answer.status_code == 200, answer.text
            await asyncio.sleep(1)


async def _ask_all(url: str) -> None:
    await asyncio.gather(*(_ask(url, number) for number in range(CLIENTS)))


if __name__ == "__main__":
    asyncio.run(_ask_all(sys.argv[1]))
