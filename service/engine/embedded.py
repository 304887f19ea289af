"""Starts, watches and stops the embedded engine: a Node process that runs bridge.mjs."""

import asyncio
import contextlib
import fcntl
import json
import logging
import os
import secrets
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import psutil

from service.engine.packages import NODE, install
from service.errors import EngineError

__all__ = ["Embedded", "embedded", "install"]

_BRIDGE = Path(__file__).with_name("bridge.mjs")
# MiB: garbage is collected earlier, a hundred MiB less are kept. KiB, of the usual 8 MiB: how deep a query may nest.
_FLAGS = ("--max-semi-space-size=4", "--stack-size=3900")
_START_LIMIT = 180.0
"""Seconds that the engine may take to start; after a crash it has its log to replay."""
_STOP_LIMIT = 10.0
"""Seconds that the engine may take to stop, then it's killed."""
_PATIENCE = 60.0
"""Seconds that a client may keep the only session idle in a transaction while others wait for it."""
_DELAYS = (0.1, 10.0)
"""Seconds before an engine that ended is started again: at first and, if it keeps on ending, at most."""
_LINE = 500
"""How many characters of a line of the engine's go to the log."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Embedded:
    """A running embedded engine."""

    url: str
    """Stays the same when the engine is started again. Its password is made up anew for each owner."""
    version: str
    """TimescaleDB's and PostgreSQL's versions, for people."""


@contextlib.asynccontextmanager
async def embedded(
    data: Path, cache: Path, say: Callable[[str], None], *, patience: float = _PATIENCE
) -> AsyncIterator[Embedded]:
    """An engine with its data in `data`, for as long as the context lasts; an engine that ends is started again.

    Raises EngineError where it can't be installed or started, or `data` is in somebody's use.
    """
    packages = await install(cache, say)
    async with _claim(data) as lock:
        began = time.monotonic()
        keeper = _Keeper(packages, lock, patience)
        say("Starting the embedded engine …" if keeper.has_data else "Making a new database …")
        keeping = asyncio.create_task(keeper.keep())
        try:
            await asyncio.wait((keeping, keeper.ready), return_when=asyncio.FIRST_COMPLETED)
            if keeping.done():
                keeping.result()
            say(f"The embedded engine is ready after {time.monotonic() - began:.1f} s")
            yield keeper.ready.result()
        finally:
            keeping.cancel()
            await asyncio.wait((keeping,))


@contextlib.asynccontextmanager
async def _claim(data: Path) -> AsyncIterator[IO[str]]:
    """Locks the folder. The engine inherits the lock, so that it's held until the engine, too, has ended."""
    with _lock_file(data) as lock:
        deadline = time.monotonic() + _STOP_LIMIT * 1.5
        while not _locked(lock):
            lock.seek(0)
            owner = int(lock.read() or 0)
            if psutil.pid_exists(owner) or time.monotonic() > deadline:
                raise EngineError(f"{data} is in use by another Taktline, process {owner}")
            await asyncio.sleep(0.05)  # the owner was killed, its engine is about to notice
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield lock


def _lock_file(data: Path) -> IO[str]:
    try:
        data.mkdir(parents=True, exist_ok=True)
        return (data.resolve() / "engine.lock").open("a+")
    except OSError as exc:
        raise EngineError(f"The embedded engine can't keep its data in {data}: {exc}") from exc


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


class _Keeper:
    """Starts an engine, and starts it again on the same port whenever it ends."""

    def __init__(self, packages: Path, lock: IO[str], patience: float) -> None:
        self.ready: asyncio.Future[Embedded] = asyncio.get_running_loop().create_future()
        self._lock = lock
        self._folder = Path(lock.name).parent / "pgdata"
        self._password = secrets.token_urlsafe(24)
        self._order: dict[str, Any] = {
            "packages": str(packages),
            "folder": str(self._folder),
            "password": self._password,
            "port": 0,
            "patience": patience * 1000,
        }

    @property
    def has_data(self) -> bool:
        return self._folder.exists()

    async def keep(self) -> None:
        delay, longest = _DELAYS
        while True:
            began = time.monotonic()
            try:
                reason = await self._run()
            except OSError as exc:
                reason = str(exc)
            if not self.ready.done():
                raise EngineError(f"The embedded engine can't start: {reason}")
            lived = time.monotonic() - began
            delay = _DELAYS[0] if lived > longest else min(2 * delay, longest)
            _log.warning("The embedded engine ended, it's started again in %.1f s: %s", delay, reason)
            await asyncio.sleep(delay)

    async def _run(self) -> str:
        """One life of the engine; why it ended."""
        async with self._process() as (process, told):
            try:
                async with asyncio.timeout(_START_LIMIT):
                    hello = await cast("asyncio.StreamReader", process.stdout).readline()
            except TimeoutError:
                return f"it didn't answer within {_START_LIMIT:.0f} s"
            if hello:
                self._greet(**json.loads(hello))
            status = await process.wait()
        return next((line for line in told if "Error" in line), f"status {status}")

    def _greet(self, port: int, version: str) -> None:
        self._order["port"] = port
        if self.ready.done():
            _log.info("The embedded engine is back")
        else:
            url = f"postgresql://postgres:{self._password}@127.0.0.1:{port}/postgres"
            self.ready.set_result(Embedded(url=url, version=version))

    @contextlib.asynccontextmanager
    async def _process(self) -> AsyncIterator[tuple[Process, list[str]]]:
        """The engine's process and what it says on stderr; it's stopped at the end of the context."""
        process = await asyncio.create_subprocess_exec(
            *(NODE, *_FLAGS, _BRIDGE),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env={},
            pass_fds=(self._lock.fileno(),),
            start_new_session=True,  # the terminal's Ctrl-C is for the owner, who stops it in order
        )
        told: list[str] = []
        listening = asyncio.create_task(_listen(cast("asyncio.StreamReader", process.stderr), told))
        try:
            cast("asyncio.StreamWriter", process.stdin).write(json.dumps(self._order).encode() + b"\n")
            yield process, told
        finally:
            await _stop(process)
            await listening


async def _listen(stderr: asyncio.StreamReader, told: list[str]) -> None:
    """Logs what the engine says, and keeps its first lines."""
    rest = b""
    while chunk := await stderr.read(4096):
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[:_LINE]
        for line in lines:
            told.append(line[:_LINE].decode(errors="replace"))
            _log.debug("The embedded engine: %s", told[-1])
        del told[20:]


async def _stop(process: Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_LIMIT):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
