"""`python -m bench.askers URL`: dashboards that show several charts, anew every second, until they are ended.

In a process of their own: what is done with eight answers mustn't hold up who measures meanwhile.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

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
    """Plain sockets, since a client library costs about as much as the service, and would be measured with it."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    path = f"/chart?series=hour&width={600 + number}&format=png"
    while True:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head[9:12] == b"200", head
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        await asyncio.sleep(1)


async def _ask_all(url: str) -> None:
    await asyncio.gather(*(_ask(url, number) for number in range(CLIENTS)))


if __name__ == "__main__":
    asyncio.run(_ask_all(sys.argv[1]))
