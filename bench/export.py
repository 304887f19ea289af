"""Measures exports in each format against a plain COPY of the same readings by the same driver."""

import asyncio
import os
import sys
import time

import httpx
import psutil

from bench.rollups import refresh
from bench.service import Target
from bench.table import median, show

READINGS, BRIEF = 1_000_000, 200_000
ROUNDS = 5
FORMATS = ("ndjson", "csv", "arrow", "parquet")
RIVAL = "select ts, series, plan, fact, attributes from reading order by ts, id"
COPY, BINARY = "COPY … TO STDOUT", "the same, binary"


async def measure(target: Target) -> None:
    count = await _fill(target, BRIEF if target.brief else READINGS)
    times: dict[str, list[float]] = {}
    cpu: dict[str, list[float]] = {}
    service = psutil.Process(target.pid)
    con = await target.connect()
    async with target.client(600) as http:
        for _ in range(1 if target.brief else ROUNDS):
            for name in (COPY, BINARY):
                started = time.perf_counter()
                await con.copy_from_query(RIVAL, output=_ignore, format="binary" if name == BINARY else "text")
                times.setdefault(name, []).append(time.perf_counter() - started)
            for form in FORMATS:
                started, used = time.perf_counter(), sum(service.cpu_times()[:2])
                await _export(http, form)
                times.setdefault(form, []).append(time.perf_counter() - started)
                cpu.setdefault(form, []).append(sum(service.cpu_times()[:2]) - used)
    await con.close()
    plain = median(times[COPY])
    rows = [
        [
            name,
            f"{count / median(taken):,.0f}",
            f"{plain / median(taken):.2f}",
            f"{1e6 * median(cpu[name]) / count:.1f} µs" if name in cpu else "",
        ]
        for name, taken in times.items()
    ]
    show(f"Exports of {count:,} readings", ["", "readings/s", "of COPY", "CPU of the service a reading"], rows)


async def _fill(target: Target, wanted: int) -> int:
    """Import readings through the service, as others would, and count what is there."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.load", "--url", target.url, "--transport", "http-ndjson", "--batch", "5000"),
        *("--readings", str(wanted), "--over", "24h"),
        stdout=asyncio.subprocess.DEVNULL,
        env={**os.environ, "EMITTER_TOKEN": target.key or ""},
    )
    assert await process.wait() == 0
    con = await target.connect()
    if "community" in target.describe:
        await refresh(con)
    count: int = await con.fetchval("select count(*) from reading")
    await con.close()
    return count


async def _export(http: httpx.AsyncClient, form: str) -> None:
    headers = {"Accept-Encoding": "identity"}
    async with http.stream("GET", "/readings", params={"format": form}, headers=headers) as answer:
        answer.raise_for_status()
        async for _ in answer.aiter_raw():
            pass


async def _ignore(piece: bytes) -> None:
    pass
