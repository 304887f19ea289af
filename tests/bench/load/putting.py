"""Puts loads on services in tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from bench.load.board import Summary
from bench.load.score import Score
from bench.load.supply import Load
from bench.load.traffic import Course, Traffic
from emitter.producer.link import Link


async def put(url: str, load: Load, course: Course | None = None, **link: Any) -> Summary:
    """Put a load on a service, and return its summary."""
    shown: list[Score] = []
    link.setdefault("patience", 2.0)
    traffic = Traffic(Link(url=url, **link), load, course or Course(connections=2))
    async with asyncio.timeout(20):
        await traffic.run(shown.append)
    return traffic.summary()


@asynccontextmanager
async def post_office(*answers: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Run an HTTP server that gives these answers in turn and then the last one always, and collect the heads of its
    requests."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                length = heads[-1].lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
                writer.write(answers[min(len(heads), len(answers)) - 1])
        except asyncio.IncompleteReadError:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", heads
