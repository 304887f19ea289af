"""Measures charts under load: the rate of answers with 304, and how much charts slow down ingest."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import psutil
from websockets.asyncio.client import connect

from bench.askers import CLIENTS as CLIENTS_OF_CHARTS
from bench.askers import asking
from bench.service import Target
from bench.table import median, percentile, show

CLIENTS, SECONDS, ROUNDS = 32, 2.0, 5
PATH = "/chart?series=hour"


async def measure(target: Target) -> None:
    async with target.client() as http:
        start = datetime.now(UTC) - timedelta(minutes=59)
        times = [(start + timedelta(seconds=number)).isoformat() for number in range(3500)]
        await http.post("/readings", json=[{"series": "hour", "ts": ts, "plan": 40, "fact": 38} for ts in times])
    await _measure_304(target)
    await _measure_ingest(target)


async def _measure_304(target: Target) -> None:
    figures: dict[str, list[tuple[float, float]]] = {"`GET /livez`": [], "`GET /chart`, 304": []}
    for _ in range(ROUNDS):
        figures["`GET /livez`"].append(await _rate(target, "/livez", {}))
        # all within one minute, since the next minute has another chart
        left = 60 - time.time() % 60
        await asyncio.sleep(left + 0.1 if left < SECONDS + 1 else 0)
        async with target.client() as http:
            tag = (await http.get(PATH)).headers["etag"]
        figures["`GET /chart`, 304"].append(await _rate(target, PATH, {"If-None-Match": tag}))
    rate, cost = (median([pair[number] for pair in figures["`GET /livez`"]]) for number in (0, 1))
    rows = [
        [
            name,
            f"{median([one for one, _ in some]):,.0f}/s",
            f"{median([one for one, _ in some]) / rate:.2f}",
            f"{1e6 * median([each for _, each in some]):.0f} µs",
            f"{cost / median([each for _, each in some]):.2f}",
        ]
        for name, some in figures.items()
    ]
    show(f"An unchanged chart, {CLIENTS} clients", ["request", "rate", "ratio", "CPU of the service", "ratio"], rows)


async def _rate(target: Target, path: str, headers: dict[str, str]) -> tuple[float, float]:
    """Answers per second, and the CPU seconds that the service takes for one.

    It uses plain sockets, since a client library takes more CPU than the service.
    """
    service = psutil.Process(target.pid)
    place = urlsplit(target.url)
    lines = [f"GET {path} HTTP/1.1", f"Host: {place.netloc}", *(f"{name}: {value}" for name, value in headers.items())]
    request = "\r\n".join([*lines, "", ""]).encode()
    status = b"304" if headers else b"200"
    end = time.perf_counter() + SECONDS

    async def client() -> int:
        done = 0
        reader, writer = await asyncio.open_connection(place.hostname, place.port)
        while time.perf_counter() < end:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head[9:12] == status, head
            if not headers:
                length = head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]
                await reader.readexactly(int(length))
            done += 1
        writer.close()
        return done

    before = sum(service.cpu_times()[:2])
    answers = sum(await asyncio.gather(*(client() for _ in range(CLIENTS))))
    return answers / SECONDS, (sum(service.cpu_times()[:2]) - before) / answers


async def _measure_ingest(target: Target) -> None:
    waits: dict[str, list[float]] = {"no charts": [], f"{CLIENTS_OF_CHARTS} clients ask for charts": []}
    for _ in range(ROUNDS):
        waits["no charts"] += await _acknowledged(target)
        async with asking(target.url, target.key):
            waits[f"{CLIENTS_OF_CHARTS} clients ask for charts"] += await _acknowledged(target)
    base = percentile(waits["no charts"], 0.99)
    rows = [
        [
            name,
            f"{1000 * median(some):.1f} / {1000 * percentile(some, 0.99):.1f} ms",
            f"{percentile(some, 0.99) / base:.2f}",
        ]
        for name, some in waits.items()
    ]
    show("Acknowledgement of a reading, one every 10 ms", ["meanwhile", "p50 / p99", "ratio of p99"], rows)


async def _acknowledged(target: Target) -> list[float]:
    waits = []
    async with connect(target.ws, compression=None, additional_headers=target.headers) as socket:
        for number in range(300):
            started = time.perf_counter()
            await socket.send(json.dumps({"id": f"{started}-{number}", "readings": [{"series": "hour", "plan": 1}]}))
            await socket.recv()
            waits.append(time.perf_counter() - started)
            await asyncio.sleep(0.01)
    return waits
