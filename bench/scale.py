"""Measures acknowledged readings per second of one, two and three workers on one database, and who takes the time of
the processors. The load comes from a process of its own: `bench/load`."""

import asyncio
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec
import psutil

from bench.load.board import Summary
from bench.load.supply import Transport
from bench.service import Target, serving
from bench.table import show

WORKERS = (1, 2, 3)
READINGS, BRIEF = 3_000_000, 400_000
CONNECTIONS = 16
"""Connections that send; the kernel shares them out among the workers."""


@dataclass(frozen=True)
class Way:
    """A way to send readings."""

    name: str
    transport: Transport
    batch: int
    window: int


WAYS = (
    Way("WebSocket, 1,000 an envelope, window of 4", "ws", 1000, 4),
    Way("WebSocket, 10 an envelope, window of 8", "ws", 10, 8),
    Way("`POST /readings`, NDJSON, 5,000 a body", "http-ndjson", 5000, 1),
)


async def measure(target: Target) -> None:
    if target.describe.startswith("embedded"):
        show("More than one worker: needs a server (--database-url)", [], [])
        return
    rows = [row for workers in WORKERS for row in await _of(workers, target)]
    show(
        f"One service of several workers, {CONNECTIONS} connections; load of the machine at the end "
        f"{os.getloadavg()[0]:.1f} on {os.cpu_count()} cores",
        ["how", "workers", "readings/s", "p50 / p99 to acknowledgement", "cores busy",
         "CPU a reading: service, load, all else"],
        sorted(rows, key=lambda row: [way.name for way in WAYS].index(row[0])),
    )  # fmt: skip


async def _of(workers: int, target: Target) -> list[list[str]]:
    async with serving(target.database_url, readings=target.readings, workers=workers) as service:
        return [await _send(service, way, workers) for way in WAYS]


async def _send(target: Target, way: Way, workers: int) -> list[str]:
    count = (target.readings or (BRIEF if target.brief else READINGS)) // (4 if way.batch == 10 else 1)
    with tempfile.TemporaryDirectory() as folder:
        summary = Path(folder) / "summary.json"
        service, everything = _spent(target)
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.load", "--url", target.url, "--transport", way.transport),
            *("--connections", str(CONNECTIONS), "--batch", str(way.batch), "--window", str(way.window)),
            *("--readings", str(count), "--json", str(summary)),
            stdout=asyncio.subprocess.DEVNULL,
        )
        assert await process.wait() == 0
        told = msgspec.json.decode(summary.read_bytes(), type=Summary)
        service, everything = (now - before for now, before in zip(_spent(target), (service, everything), strict=True))
    load = told.generator_cpu * told.seconds
    # all else is the database, where nothing else goes on
    each = (f"{1e6 * seconds / told.readings:.1f}" for seconds in (service, load, everything - service - load))
    return [
        way.name,
        str(workers),
        f"{told.rate:,.0f}",
        f"{told.latency.p50:.0f} / {told.latency.p99:.0f} ms",
        f"{everything / told.seconds:.2f}",
        f"{', '.join(each)} µs",
    ]


def _spent(target: Target) -> tuple[float, float]:
    """The processor time in seconds that the service and everything on this machine has taken."""
    service, times = psutil.Process(target.pid), psutil.cpu_times()
    everything = float(sum(times) - times.idle - getattr(times, "iowait", 0.0))
    return sum(map(_time, [service, *service.children(recursive=True)])), everything


def _time(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
