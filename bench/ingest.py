"""Measures acknowledged readings per second against a plain COPY of the same rows into the same table, in turns."""

import asyncio
import json
import time
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from websockets.asyncio.client import connect

from bench.influx import influx
from bench.service import Target
from bench.table import median, percentile, show

READINGS, ROUNDS = 200_000, 5
PER_ENVELOPE, WINDOW = 1_000, 8
PER_BODY, CONNECTIONS = 5_000, 4
SERIES = [f"line {number}" for number in range(20)]

Result = tuple[float, list[float]]
"""Readings per second, and the seconds from sending to acknowledgement."""
NDJSON, LINES = {"Content-Type": "application/x-ndjson"}, {"Content-Type": "text/plain"}
Way = Callable[[int], Awaitable[Result]]


async def measure(target: Target) -> None:
    async with influx() as rival:
        ways = _ways(target, rival)
        results: dict[str, list[Result]] = {name: [] for name in ways}
        for run in range(ROUNDS):
            for name, way in ways.items():
                results[name].append(await way(run))
    base = median([rate for rate, _ in next(iter(results.values()))])
    show(
        "Ingest",
        ["how", "readings/s", "ratio", "p50 / p99 to acknowledgement"],
        [_row(name, some, base) for name, some in results.items()],
    )


def _ways(target: Target, rival: str | None) -> dict[str, Way]:
    load = f"{PER_BODY:,} a body, {CONNECTIONS} connections"
    write = f"{target.url}/write?db=bench"
    ways: dict[str, Way] = {
        f"one COPY of {READINGS:,} rows": lambda _: _copy(target, READINGS),
        f"COPY of {PER_ENVELOPE:,} rows, one after the other": lambda _: _copy(target, PER_ENVELOPE),
        f"one WebSocket, {PER_ENVELOPE:,} an envelope, window of {WINDOW}": lambda run: _websocket(target, run),
        f"`POST /readings`, NDJSON, {load}": lambda _: _post(f"{target.url}/readings", target.headers | NDJSON, ndjson),
        f"`POST /write`, line protocol, {load}": lambda _: _post(write, target.headers | LINES, line_protocol),
    }
    if rival is not None:
        ways[f"InfluxDB 1.6, `/write`, {load}"] = lambda _: _post(f"{rival}/write?db=bench", LINES, line_protocol)
    return ways


def _row(name: str, results: list[Result], base: float) -> list[str]:
    rate = median([rate for rate, _ in results])
    waits = [1000 * wait for _, some in results for wait in some]
    latency = f"{median(waits):.0f} / {percentile(waits, 0.99):.0f} ms" if waits else ""
    return [name, f"{rate:,.0f}", f"{rate / base:.2f}", latency]


async def _copy(target: Target, at_a_time: int) -> Result:
    """Write rows that are ready in memory by a plain COPY of asyncpg."""
    rows = [(one["at"], one["series"], one["plan"], one["fact"], None) for one in _readings()]
    con = await target.connect()
    try:
        columns = ("ts", "series", "plan", "fact", "attributes")
        started = time.perf_counter()
        for first in range(0, READINGS, at_a_time):
            await con.copy_records_to_table("reading", records=rows[first : first + at_a_time], columns=columns)
        return READINGS / (time.perf_counter() - started), []
    finally:
        await con.close()


async def _websocket(target: Target, run: int) -> Result:
    texts = _texts(PER_ENVELOPE, lambda some: "[" + ",".join(map(_json, some)) + "]")
    frames = [f'{{"id": "bench-{run}-{number}", "readings": {text}}}' for number, text in enumerate(texts)]
    sent: deque[float] = deque()
    waits: list[float] = []
    room = asyncio.Semaphore(WINDOW)
    async with connect(target.ws, compression=None, max_queue=None, additional_headers=target.headers) as socket:

        async def read() -> None:
            for _ in frames:
                answer = json.loads(await socket.recv())
                assert answer["written"] == PER_ENVELOPE, answer
                waits.append(time.perf_counter() - sent.popleft())
                room.release()

        started = time.perf_counter()
        reader = asyncio.create_task(read())
        for frame in frames:
            await room.acquire()
            sent.append(time.perf_counter())
            await socket.send(frame)
        await reader
        return READINGS / (time.perf_counter() - started), waits


async def _post(url: str, headers: dict[str, str], encode: Callable[[list[dict[str, Any]]], str]) -> Result:
    bodies = deque(text.encode() for text in _texts(PER_BODY, encode))
    waits: list[float] = []

    async def send(http: httpx.AsyncClient) -> None:
        while bodies:
            body = bodies.popleft()
            began = time.perf_counter()
            answer = await http.post(url, content=body, headers=headers)
            assert answer.is_success, answer.text
            waits.append(time.perf_counter() - began)

    async with httpx.AsyncClient(timeout=60) as http:
        started = time.perf_counter()
        await asyncio.gather(*(send(http) for _ in range(CONNECTIONS)))
        return READINGS / (time.perf_counter() - started), waits


def ndjson(readings: list[dict[str, Any]]) -> str:
    return "\n".join(map(_json, readings))


def line_protocol(readings: list[dict[str, Any]]) -> str:
    """The readings as line protocol, with times in nanoseconds."""
    return "\n".join(
        f"reading,series={one['series'].replace(' ', chr(92) + ' ')} plan={one['plan']},fact={one['fact']} {one['ns']}"
        for one in readings
    )


def _json(one: dict[str, Any]) -> str:
    ts, series = one["at"].isoformat(), one["series"]
    return f'{{"ts": "{ts}", "series": "{series}", "plan": {one["plan"]}, "fact": {one["fact"]}}}'


def _texts(size: int, encode: Callable[[list[dict[str, Any]]], str]) -> list[str]:
    readings = _readings()
    return [encode(readings[first : first + size]) for first in range(0, READINGS, size)]


def _readings() -> list[dict[str, Any]]:
    """Readings from now on, a hundredth of a millisecond apart."""
    start = datetime.now(UTC)
    base = int(start.timestamp() * 1e6)
    return [
        {
            "at": start + timedelta(microseconds=10 * number),
            "ns": (base + 10 * number) * 1000,
            "series": SERIES[number % len(SERIES)],
            "plan": number % 100,
            "fact": number % 90,
        }
        for number in range(READINGS)
    ]
