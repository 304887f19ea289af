"""Measures acknowledged readings per second, sustained over millions, beside other databases and beside a plain COPY of
the same rows into the same table. The load comes from a process of its own that does little but send: `bench/load`."""

import asyncio
import os
import sys
import tempfile
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import psutil

from bench.load.board import Summary
from bench.load.supply import Transport
from bench.rivals import influx, victoria
from bench.service import Target
from bench.table import show

READINGS, EMBEDDED, BRIEF = 6_000_000, 500_000, 200_000
BATCH, FRAME, WINDOW = 5_000, 1_000, 8
"""Readings in a body and in a frame, and how many frames are in flight."""
ROWS = 200_000
"""Rows of one COPY."""
YEAR = "365d"
INFLUX, VICTORIA = "InfluxDB 1.6, line protocol", "VictoriaMetrics, line protocol"


@dataclass(frozen=True)
class Way:
    """A way to send readings; with `over`, of so long ago until now."""

    name: str
    url: str
    transport: Transport
    connections: int
    batch: int = BATCH
    over: str | None = None
    key: str | None = None


@dataclass(frozen=True)
class Figures:
    """What one way came to: readings per second, milliseconds to the acknowledgement, and seconds of processor time per
    reading, of all that ran on this machine, of the service and of the load."""

    rate: float
    waits: str = ""
    busy: float = 0.0
    all: float = 0.0
    service: float = 0.0
    load: float = 0.0


async def measure(target: Target) -> None:
    embedded = target.describe.startswith("embedded")
    count = target.readings or (BRIEF if target.brief else EMBEDDED if embedded else READINGS)
    found: dict[tuple[str, int], Figures] = {("one COPY, nothing else", 1): Figures(await _copy(target))}
    async with AsyncExitStack() as running:
        rivals = {
            INFLUX: await running.enter_async_context(influx()),
            VICTORIA: await running.enter_async_context(victoria()),
        }
        for way in _ways(target, rivals):
            found[way.name, way.connections] = await _send(target, way, count)
    show(
        f"Ingest of {count:,} readings",
        ["how", "connections", "readings/s", "of InfluxDB", "of VictoriaMetrics", "p50 / p99 to acknowledgement",
         "cores busy", "CPU a reading", "of it service, load"],
        [_row(name, connections, found) for name, connections in found],
    )  # fmt: skip


def _ways(target: Target, rivals: dict[str, str | None]) -> list[Way]:
    """The last year comes last: for a while after it, the rollups follow, at the cost of whatever is measured then."""
    lines, ndjson = f"`POST /write`, line protocol, {BATCH:,} a body", f"`POST /readings`, NDJSON, {BATCH:,} a body"
    socket = f"WebSocket, {FRAME:,} an envelope, window of {WINDOW}"
    ways = [
        *(Way(lines, target.url, "http-line", number, key=target.key) for number in (4, 8)),
        *(Way(ndjson, target.url, "http-ndjson", number, key=target.key) for number in (4, 8)),
        Way(socket, target.url, "ws", 1, FRAME, key=target.key),
    ]
    for name, url in rivals.items():
        if url is not None:
            ways += [Way(f"{name}, {BATCH:,} a body", f"{url}/?db=bench", "http-line", number) for number in (4, 8)]
    year = f"`POST /readings`, NDJSON, of the last year ({YEAR})"
    return [*ways, Way(year, target.url, "http-ndjson", 8, over=YEAR, key=target.key)]


async def _send(target: Target, way: Way, count: int) -> Figures:
    """Send so many readings, and weigh the processor time that goes by meanwhile."""
    service = psutil.Process(target.pid)
    with tempfile.TemporaryDirectory() as folder:
        summary = Path(folder) / "summary.json"
        ours, everything = _of(service), _everything()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.load", "--url", way.url, "--transport", way.transport),
            *("--connections", str(way.connections), "--batch", str(way.batch), "--window", str(WINDOW)),
            *("--readings", str(count), *(("--over", way.over) if way.over else ()), "--json", str(summary)),
            stdout=asyncio.subprocess.DEVNULL,
            env={**os.environ, "EMITTER_TOKEN": way.key or ""},
        )
        assert await process.wait() == 0
        ours, everything = _of(service) - ours, _everything() - everything
        told = msgspec.json.decode(summary.read_bytes(), type=Summary)
    return Figures(
        told.rate,
        f"{told.latency.p50:.0f} / {told.latency.p99:.0f} ms",
        everything / told.seconds,
        everything / told.readings,
        ours / told.readings,
        told.generator_cpu * told.seconds / told.readings,
    )


def _of(process: psutil.Process) -> float:
    """The processor time that a process has taken, in seconds."""
    times = process.cpu_times()
    return float(times.user + times.system)


def _everything() -> float:
    """The processor time that everything on this machine has taken, in seconds."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0))


def _row(name: str, connections: int, found: dict[tuple[str, int], Figures]) -> list[str]:
    one = found[name, connections]
    ratios = [
        f"{one.rate / max(rates):.2f}"
        if (rates := [each.rate for (of, _), each in found.items() if rival in of])
        else ""
        for rival in (INFLUX, VICTORIA)
    ]
    cpu = ["", "", ""] if not one.all else [
        f"{one.busy:.2f}",
        f"{one.all * 1e6:.2f} µs",
        f"{one.service * 1e6:.2f}, {one.load * 1e6:.2f} µs",
    ]  # fmt: skip
    return [name, str(connections), f"{one.rate:,.0f}", *ratios, one.waits, *cpu]


async def _copy(target: Target) -> float:
    """Write rows that are ready in memory by a plain COPY of asyncpg."""
    start = datetime.now(UTC)
    rows = [
        (start + timedelta(microseconds=10 * number), f"line {number % 20}", number % 100, number % 90, None)
        for number in range(ROWS)
    ]
    con = await target.connect()
    try:
        started = time.perf_counter()
        await con.copy_records_to_table("reading", records=rows, columns=("ts", "series", "plan", "fact", "attributes"))
        return ROWS / (time.perf_counter() - started)
    finally:
        await con.close()
