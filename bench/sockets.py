"""Measures many sockets: single readings against an echo handler that does nothing else, in turns; and thousands of
sockets that hardly send anything."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import msgspec
import psutil

from bench.load.board import Summary
from bench.load.supply import Load
from bench.load.traffic import Course, Traffic
from bench.load.wire import SocketWire, Wire
from bench.service import Target
from bench.table import median, show
from chaos.service_process import free_port
from emitter.producer.answers import Answer, Written
from emitter.producer.link import Link

CONNECTIONS, WINDOWS = 64, (1, 8)
IDLE, EVERY = 5_000, 10.0
PATIENCE = 30.0


class Run(msgspec.Struct, frozen=True):
    """The results of a load, and the CPU seconds that the server took for each reading."""

    summary: Summary
    cpu: float


class _Echoed(msgspec.Struct):
    id: str


_decode = msgspec.json.Decoder(_Echoed).decode


class EchoWire(SocketWire):
    """Counts a batch that is echoed as acknowledged."""

    def read(self, message: bytes) -> Answer:
        return Written(_decode(message).id, 1)


async def measure(target: Target) -> None:
    await _singles(target)
    await _idle(target)


async def _singles(target: Target) -> None:
    rounds, seconds = (1, 2.0) if target.brief else (3, 4.0)
    runs: dict[tuple[str, int], list[Run]] = {}
    async with echoing() as (url, pid):
        for _ in range(rounds):
            for window in WINDOWS:
                ours = Link(url=target.ws, token=target.key, window=window, patience=PATIENCE)
                runs.setdefault(("echo", window), []).append(
                    await _load(Link(url=url, window=window, patience=PATIENCE), pid, seconds, EchoWire)
                )
                runs.setdefault(("ours", window), []).append(await _load(ours, target.pid, seconds))
    rows = [row for window in WINDOWS for row in _pair(runs["echo", window], runs["ours", window], window)]
    head = ["how", "readings/s", "ratio", "p50 / p99 to the answer", "CPU a reading: server, load"]
    show(f"Single readings over {CONNECTIONS} WebSockets", head, rows)


def _pair(echo: list[Run], ours: list[Run], window: int) -> list[list[str]]:
    base = _rate(echo)
    where = f"{window} in flight on each"
    return [_row(f"echo, nothing done, {where}", echo, base), _row(f"written and acknowledged, {where}", ours, base)]


def _row(name: str, runs: list[Run], base: float) -> list[str]:
    p50, p99 = (median([getattr(run.summary.latency, each) for run in runs]) for each in ("p50", "p99"))
    own = median([run.summary.generator_cpu / run.summary.rate for run in runs])
    cpu = f"{1e6 * median([run.cpu for run in runs]):.0f} µs, {1e6 * own:.0f} µs"
    return [name, f"{_rate(runs):,.0f}", f"{_rate(runs) / base:.2f}", f"{p50:.1f} / {p99:.1f} ms", cpu]


def _rate(runs: list[Run]) -> float:
    return median([run.summary.rate for run in runs])


async def _load(link: Link, pid: int, seconds: float, wire: Callable[[Link], Wire] = SocketWire) -> Run:
    server = psutil.Process(pid)
    course = Course(connections=CONNECTIONS, seconds=seconds)
    before = sum(server.cpu_times()[:2])
    summary = await _put(Traffic(link, Load(batch=1), course, lambda: wire(link)))
    return Run(summary, (sum(server.cpu_times()[:2]) - before) / max(summary.readings, 1))


async def _put(traffic: Traffic) -> Summary:
    await traffic.run(lambda _: None)
    summary = traffic.summary()
    assert not summary.refused, summary.refusal
    assert not summary.unanswered
    return summary


async def _idle(target: Target) -> None:
    server, sockets = psutil.Process(target.pid), 500 if target.brief else IDLE
    seconds = 2 * EVERY if target.brief else 3 * EVERY
    before, most = server.memory_info().rss, 0

    def look(_: object) -> None:
        nonlocal most
        most = max(most, server.memory_info().rss)

    course = Course(connections=0, idle=sockets, every=EVERY, seconds=seconds)
    traffic = Traffic(Link(url=target.ws, token=target.key, patience=PATIENCE), Load(), course)
    await traffic.run(look)
    summary = traffic.summary()
    assert not summary.unanswered
    latency = summary.latency
    row = [
        f"{sockets:,}",
        f"{(most - before) / sockets / 1024:.0f} KiB",
        f"{summary.rate:,.0f}",
        f"{latency.p50:.1f} / {latency.p99:.1f} / {latency.max:.1f} ms",
    ]
    head = ["sockets", "memory of the service for each", "readings/s", "p50 / p99 / slowest to acknowledgement"]
    show(f"Sockets that send a reading every {EVERY:.0f} s", head, [row])


@asynccontextmanager
async def echoing() -> AsyncIterator[tuple[str, int]]:
    """Runs the echo server, and yields its address and its process id."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "bench.echo", str(port))
    try:
        await _listening(port)
        yield f"ws://127.0.0.1:{port}/", process.pid
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return
