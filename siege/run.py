"""Starts a service, and attacks it while it is watched."""

import asyncio
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from chaos.service_process import free_port, start, until_ready
from siege.target import Target
from siege.watch import Seen, Watch

CALM = 1.0
"""Seconds before and after each attack in which the service is watched as well."""
LIMIT = 180.0
"""Seconds that an attack may take, and the start of the service."""


@dataclass(frozen=True)
class Fort:
    """The running service."""

    target: Target
    pid: int


@dataclass(frozen=True)
class Outcome:
    """One attack: how it was answered, how many seconds it took, and what others saw meanwhile."""

    name: str
    answer: str
    seconds: float
    seen: Seen


@asynccontextmanager
async def fort(cache: Path, database_url: str | None = None, log: Path | None = None) -> AsyncIterator[Fort]:
    """A service on the embedded engine, or on a database of a server that is given, which it may fill."""
    target = Target("127.0.0.1", free_port(), free_port())
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "API_HOST": target.host,
            "API_PORT": str(target.port),
            "TCP_PORT": str(target.tcp_port),
            "CHART_TZ": "UTC",
            "LOG_LEVEL": "WARNING",
            "TAKTLINE_DATA": folder,
            "TAKTLINE_CACHE": str(cache),
            **({"DATABASE_URL": database_url, "DATABASE_SCHEMA": "siege"} if database_url else {}),
        }
        with (log or Path(folder, "service.log")).open("wb") as output:
            process = await start("service", "run_server", settings=settings, output=output)
        try:
            await until_ready(target.url, LIMIT)
            yield Fort(target, process.pid)
        finally:
            if process.returncode is None:
                process.terminate()
                await process.wait()


async def siege(names: Sequence[str], under_attack: Fort) -> AsyncIterator[Outcome]:
    """Run the attacks one after the other."""
    watch = Watch(under_attack.target, under_attack.pid)
    for name in names:
        yield await _attack(name, under_attack.target, watch)


async def _attack(name: str, target: Target, watch: Watch) -> Outcome:
    command = (sys.executable, "-m", "siege.attacker", name, target.host, str(target.port), str(target.tcp_port))
    attacker = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    assert attacker.stdin is not None
    assert attacker.stdout is not None
    try:
        await attacker.stdout.readline()  # it has prepared what it sends
        async with watch.watching(CALM) as seen, asyncio.timeout(LIMIT):
            began = time.perf_counter()
            attacker.stdin.write(b"\n")
            answer = (await attacker.stdout.readline()).decode().strip()
            seconds = time.perf_counter() - began
            await attacker.wait()
    finally:
        if attacker.returncode is None:
            attacker.kill()
            await attacker.wait()
    return Outcome(name, answer or "failed", seconds, seen)
