"""Measures a thousand open live pages: how late the last of them sees a reading, and how much they slow down ingest."""

import asyncio
import time
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import psutil

from bench.service import Target
from bench.table import percentile, show

VIEWERS, BRIEF = 1000, 200
ROUNDS = 20
PAUSE = 1.0
"""Seconds between two readings of the first part."""
STEADY = 10.0
"""Seconds for which readings are sent for each figure of ingest."""


class Viewer:
    """An open live page, which notes when the reading that it waits for arrives."""

    def __init__(self) -> None:
        self.marker = b"nothing yet"
        self.open, self.seen = asyncio.Event(), asyncio.Event()
        self.at = 0.0

    async def run(self, target: Target, ready: asyncio.Semaphore) -> None:
        address = urlsplit(target.url)
        async with ready:
            reader, writer = await asyncio.open_connection(address.hostname, address.port, limit=2**22)
            headers = "".join(f"{name}: {value}\r\n" for name, value in target.headers.items())
            writer.write(f"GET /live?period=1h&width=1000 HTTP/1.1\r\nHost: localhost\r\n{headers}\r\n".encode())
            await reader.readuntil(b"event: whole")
        self.open.set()
        try:
            while data := await reader.read(2**18):
                if self.marker in data and not self.seen.is_set():
                    self.at = time.perf_counter()
                    self.seen.set()
        finally:
            writer.close()


async def measure(target: Target) -> None:
    count = BRIEF if target.brief else VIEWERS
    async with target.client() as http:
        await _hour(http)
        alone = await _acknowledgements(http)
        viewers = [Viewer() for _ in range(count)]
        ready = asyncio.Semaphore(50)
        tasks = [asyncio.create_task(viewer.run(target, ready)) for viewer in viewers]
        await asyncio.gather(*(viewer.open.wait() for viewer in viewers))
        late = [time_ for number in range(ROUNDS) for time_ in await _round(http, viewers, number)]
        beside = await _acknowledgements(http)
        memory = psutil.Process(target.pid).memory_info().rss / 2**20
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
    shares = (0.5, 0.99, 1.0)
    show(
        f"{count:,} viewers of one view: from acknowledgement to sight",
        ["p50", "p99", "last", "memory of the service"],
        [[*(f"{1000 * percentile(late, share):.0f} ms" for share in shares), f"{memory:.0f} MB"]],
    )
    rows = [
        [name, *(f"{1000 * percentile(values, share):.1f} ms" for share in shares[:2])]
        for name, values in (("without viewers", alone), (f"with {count:,} viewers", beside))
    ]
    show("Acknowledgement of single readings, 20 a second", ["", "p50", "p99"], rows)


async def _hour(http: httpx.AsyncClient) -> None:
    now = time.time()
    readings = [{"ts": now - 10 * number, "series": "live", "plan": 40, "fact": 38} for number in range(360)]
    (await http.post("/readings", json=readings)).raise_for_status()


async def _round(http: httpx.AsyncClient, viewers: list[Viewer], number: int) -> list[float]:
    """The seconds from the acknowledgement of a reading until each viewer saw it."""
    for viewer in viewers:
        viewer.marker, viewer.seen = f"marker-{number:03}<".encode(), asyncio.Event()
    await http.post("/readings", json={"series": f"marker-{number:03}", "plan": 1, "fact": 1})
    acknowledged = time.perf_counter()
    await asyncio.gather(*(viewer.seen.wait() for viewer in viewers))
    await asyncio.sleep(PAUSE)
    return [max(0.0, viewer.at - acknowledged) for viewer in viewers]


async def _acknowledgements(http: httpx.AsyncClient) -> list[float]:
    times = []
    until = time.perf_counter() + STEADY
    while (started := time.perf_counter()) < until:
        await http.post("/readings", json={"series": "live", "plan": 40, "fact": 38})
        times.append(time.perf_counter() - started)
        await asyncio.sleep(max(0.0, 0.05 - times[-1]))
    return times
