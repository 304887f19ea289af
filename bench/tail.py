"""Measures charts, pages and acknowledgements while readings come at a steady rate: what isn't materialised yet is read
from the readings, and grows with the rate."""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import httpx
import msgspec

from bench.load.board import Summary
from bench.service import Target
from bench.table import percentile, show

RATES, EMBEDDED_RATES = (1_000, 10_000, 100_000, 500_000), (1_000, 10_000)
"""Readings a second; the last is more than comes through on two cores, so that it is full speed."""
BATCH = {1_000: 10, 10_000: 100, 100_000: 1000, 500_000: 5000}
"""How many readings are in a frame, at each rate."""
ALONE, BRIEF_ALONE = 30, 10
"""Seconds for which readings are sent by themselves."""
BESIDE, BRIEF_BESIDE = {1_000: 100, 10_000: 100, 100_000: 600, 500_000: 120}, 70
"""Seconds for which they are sent beside viewers, at each rate: long enough for as many readings not to be materialised
as there ever are."""
PAUSE = 1.0
"""Seconds between two questions of the same viewer."""

Waits = dict[str, list[float]]


async def measure(target: Target) -> None:
    alone = BRIEF_ALONE if target.brief else ALONE
    for rate in EMBEDDED_RATES if target.describe.startswith("embedded") else RATES:
        beside = BRIEF_BESIDE if target.brief else BESIDE[rate]
        quiet = await _load(target, rate, alone)
        waits: Waits = {}
        viewers = [asyncio.create_task(_look(target, waits, number)) for number in range(3)]
        busy = await _load(target, rate, beside)
        for viewer in viewers:
            viewer.cancel()
        for result in await asyncio.gather(*viewers, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
        rows = [
            [name, *(f"{1000 * percentile(some, share):.0f} ms" for share in (0.5, 0.99, 1))]
            for name, some in sorted(waits.items())
        ]
        for name, one in (("without viewers", quiet), ("beside them", busy)):
            times = (one.latency.p50, one.latency.p99, one.latency.max)
            rows.append([f"acknowledgement, {name}", *(f"{each:.0f} ms" for each in times)])
        show(
            f"{busy.rate:,.0f} readings/s for {beside} s, in frames of {BATCH[rate]}",
            ["", "p50", "p99", "slowest"],
            rows,
        )


async def _load(target: Target, rate: int, seconds: int) -> Summary:
    """The summary of a load, which comes from a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        summary = Path(folder) / "summary.json"
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.load", "--url", target.url, "--transport", "ws", "--connections", "4"),
            *("--rate", str(rate), "--batch", str(BATCH[rate]), "--seconds", f"{seconds}s", "--json", str(summary)),
            stdout=asyncio.subprocess.DEVNULL,
            env={**os.environ, "EMITTER_TOKEN": target.key or ""},
        )
        assert await process.wait() == 0
        return msgspec.json.decode(summary.read_bytes(), type=Summary)


async def _look(target: Target, waits: Waits, number: int) -> None:
    """One of three viewers, each of whom asks for something else."""
    async with target.client() as http:
        asked: tuple[str, Callable[[], Awaitable[None]]] = (
            ("chart of the last hour", lambda: _chart(http)),
            ("live page's look", lambda: _live(http)),
            ("first page of records", lambda: _page(http)),
        )[number]
        name, ask = asked
        while True:
            started = time.perf_counter()
            await ask()
            waits.setdefault(name, []).append(time.perf_counter() - started)
            await asyncio.sleep(PAUSE)


async def _chart(http: httpx.AsyncClient) -> None:
    (await http.get("/chart")).raise_for_status()


async def _page(http: httpx.AsyncClient) -> None:
    (await http.get("/display")).raise_for_status()


async def _live(http: httpx.AsyncClient) -> None:
    """All that a live page shows, once."""
    with suppress(StopAsyncIteration):
        async with http.stream("GET", "/live?period=1h&width=960") as answer:
            answer.raise_for_status()
            async for line in answer.aiter_lines():
                if line == "event: whole":
                    return
