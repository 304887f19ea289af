"""Runs the service and the emitter as processes that are started again and again, and watches them."""

import asyncio
import signal
import time
from asyncio.subprocess import Process
from collections.abc import Mapping
from pathlib import Path

import httpx
import psutil

from chaos.history import History
from chaos.service_process import is_ready, start

START_LIMIT = 90.0
"""Seconds that a start or a recovery may take."""
GRACE = 8.0
"""The SHUTDOWN_GRACE of the service, in seconds."""
SLACK = 12.0
"""Seconds that a process may take beyond the grace to stop, in which it closes pool, workers and engine."""


class Program:
    """A Python module that is run again and again."""

    def __init__(self, name: str, command: list[str], environment: Mapping[str, str], log: Path) -> None:
        self.name = name
        self.log = log
        self._command = command
        self._environment = environment
        self.process: Process | None = None
        self._began = 0

    async def start(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            self._began = log.tell()
            self.process = await start(*self._command, settings=self._environment, output=log)

    @property
    def running(self) -> Process:
        """The present process."""
        assert self.process is not None
        return self.process

    @property
    def status(self) -> int | None:
        """The exit status of the process; None while it runs."""
        return None if self.process is None else self.process.returncode

    async def wait_for_log(self, word: bytes) -> None:
        """Wait until the process has logged this word since it was started."""
        limit = time.monotonic() + START_LIMIT
        while word not in self.log.read_bytes()[self._began :] and time.monotonic() < limit:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.1)

    async def kill(self) -> None:
        """SIGKILL."""
        if self.status is None:
            self.running.kill()
        await self.running.wait()

    async def terminate(self, limit: float) -> int | None:
        """Send SIGTERM, and return the exit status; None where the process had to be killed after `limit` seconds."""
        if self.status is None:
            self.running.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(limit):
                return await self.running.wait()
        except TimeoutError:
            await self.kill()
            return None


class Service(Program):
    """The command `run_server`, observed from outside."""

    def __init__(self, port: int, tcp_port: int, environment: Mapping[str, str], log: Path, history: History) -> None:
        own = {
            "API_HOST": "127.0.0.1",
            "API_PORT": str(port),
            "TCP_PORT": str(tcp_port),
            "CHART_TZ": "UTC",
            "SHUTDOWN_GRACE": f"{GRACE}s",
            "QUEUE_READINGS": "20000",
            "QUEUE_BYTES": "4194304",
        }
        super().__init__("service", ["service", "run_server"], {**own, **environment}, log)
        self.url = f"http://127.0.0.1:{port}"
        self._history = history
        self.peak = 0
        """The most memory that the service ever used, in bytes."""
        self.recoveries: list[float] = []
        """The seconds of each recovery."""

    async def ready(self) -> None:
        """Wait until the service reports that it is ready. It is a violation if it ends instead, or takes too long."""
        started = time.monotonic()
        async with httpx.AsyncClient(base_url=self.url, timeout=5, trust_env=False) as http:
            while not await is_ready(http):
                if self.status is not None:
                    self._history.violate(f"the service ended with status {self.status} instead of getting ready")
                    await asyncio.sleep(1)
                    await self.start()
                if time.monotonic() - started > START_LIMIT:
                    self._history.violate(f"the service isn't ready after {START_LIMIT:.0f} s")
                    return
                await asyncio.sleep(0.1)
        self.recoveries.append(time.monotonic() - started)

    async def stop(self) -> None:
        """Send SIGTERM, after which the service must end in time and with status 0."""
        status = await self.terminate(GRACE + SLACK)
        if status != 0:
            said = f"exit status {status}" if status is not None else f"still there after {GRACE + SLACK:.0f} s"
            self._history.violate(f"the service was told to stop: {said}")

    def measure(self) -> None:
        """Measure the memory of the service."""
        try:
            if self.status is None:
                self.peak = max(self.peak, psutil.Process(self.running.pid).memory_info().rss)
        except psutil.NoSuchProcess:
            pass

    def engine(self) -> psutil.Process | None:
        """The process of the embedded engine; None where there is none."""
        try:
            children = psutil.Process(self.running.pid).children()
            return next((child for child in children if any("bridge.mjs" in word for word in child.cmdline())), None)
        except psutil.NoSuchProcess:
            return None
