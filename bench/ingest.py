"""Readings per second: one acknowledged WebSocket beside plain COPY into the same table, in turns."""

import asyncio
import json
import time
from collections import deque
from datetime import UTC, datetime, timedelta

from websockets.asyncio.client import connect

from bench.service import Target
from bench.table import median, percentile, show

READINGS, PER_ENVELOPE, WINDOW, ROUNDS = 200_000, 1_000, 8, 3
SERIES = [f"line {number}" for number in range(20)]


async def measure(target: Target) -> None:
    """Print the table."""
    rates: dict[str, list[float]] = {"ws": [], "copy": [], "loop": []}
    latencies: list[float] = []
    for number in range(ROUNDS):
        rates["copy"].append(await _copy(target, READINGS))
        rates["loop"].append(await _copy(target, PER_ENVELOPE))
        rate, some = await _websocket(target, number)
        rates["ws"].append(rate)
        latencies += some
    base = median(rates["copy"])
    rows = [
        _row(f"one COPY of {READINGS:,} rows", rates["copy"], base, ""),
        _row(f"COPY of {PER_ENVELOPE:,} rows at a time, one after the other", rates["loop"], base, ""),
        _row(
            f"WebSocket, {PER_ENVELOPE:,} an envelope, acknowledged, window of {WINDOW}",
            rates["ws"],
            base,
            f"{1000 * median(latencies):.0f} / {1000 * percentile(latencies, 0.99):.0f} ms",
        ),
    ]
    show("Ingest", ["how", "readings/s", "ratio", "p50 / p99 to acknowledgement"], rows)


def _row(name: str, rates: list[float], base: float, latency: str) -> list[str]:
    return [name, f"{median(rates):,.0f}", f"{median(rates) / base:.2f}", latency]


async def _copy(target: Target, at_a_time: int) -> float:
    """Plain COPY by asyncpg of rows that are ready in memory."""
    start = datetime.now(UTC)
    rows = [
        (start + timedelta(microseconds=number), SERIES[number % 20], number % 100, number % 90, None)
        for number in range(READINGS)
    ]
    con = await target.connect()
    try:
        columns = ("ts", "series", "plan", "fact", "attributes")
        started = time.perf_counter()
        for first in range(0, READINGS, at_a_time):
            await con.copy_records_to_table("reading", records=rows[first : first + at_a_time], columns=columns)
        return READINGS / (time.perf_counter() - started)
    finally:
        await con.close()


async def _websocket(target: Target, run: int) -> tuple[float, list[float]]:
    start = datetime.now(UTC)
    frames = [_envelope(run, number, start) for number in range(READINGS // PER_ENVELOPE)]
    sent: deque[float] = deque()
    latencies: list[float] = []
    room = asyncio.Semaphore(WINDOW)
    async with connect(target.ws, compression=None, max_queue=None) as socket:

        async def read() -> None:
            for _ in frames:
                answer = json.loads(await socket.recv())
                assert answer["written"] == PER_ENVELOPE, answer
                latencies.append(time.perf_counter() - sent.popleft())
                room.release()

        started = time.perf_counter()
        reader = asyncio.create_task(read())
        for frame in frames:
            await room.acquire()
            sent.append(time.perf_counter())
            await socket.send(frame)
        await reader
        return READINGS / (time.perf_counter() - started), latencies


def _envelope(run: int, number: int, start: datetime) -> str:
    first = number * PER_ENVELOPE
    readings = [
        {
            "ts": (start + timedelta(microseconds=each)).isoformat(),
            "series": SERIES[each % 20],
            "plan": each % 100,
            "fact": each % 90,
        }
        for each in range(first, first + PER_ENVELOPE)
    ]
    return json.dumps({"id": f"bench-{run}-{number}", "readings": readings})
