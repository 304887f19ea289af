"""`python -m bench.askers URL [KEY]`: simulates dashboards that reload several charts every second until stopped.

They run in a process of their own, so that handling eight answers at once doesn't delay the measuring process.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

CLIENTS = 8


@asynccontextmanager
async def asking(url: str, key: str | None) -> AsyncIterator[None]:
    """Run the dashboards while the block runs. It is an error if a request wasn't answered."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.askers", url, key or "")
    try:
        await asyncio.sleep(2)  # until the process has started
        yield
        assert process.returncode is None, "a chart was not answered"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _ask(url: str, key: str, number: int) -> None:
    """Request charts over plain sockets, since a client library takes about as much CPU as the service."""
    place = urlsplit(url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    authorization = f"Authorization: Bearer {key}\r\n" if key else ""
    path = f"/chart?series=hour&width={600 + number}&format=png"
    while True:
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {place.netloc}\r\n{authorization}\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        assert head[9:12] == b"200", head
        await reader.readexactly(int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]))
        await asyncio.sleep(1)


async def _ask_all(url: str, key: str) -> None:
    await asyncio.gather(*(_ask(url, key, number) for number in range(CLIENTS)))


if __name__ == "__main__":
    asyncio.run(_ask_all(sys.argv[1], "".join(sys.argv[2:])))
