"""The folder of an embedded engine's data: who owns it, and how others find the engine that runs on it.

The engine listens on a port of its own choice, with a password that is new for each owner. The owner leaves both in a
file that nobody else's account can read, so that commands work beside a running service.
"""

import asyncio
import contextlib
import fcntl
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import IO

import psutil

from service.errors import EngineError

ENDING = 15.0
"""Seconds within which the engine of an owner that was killed has ended."""
STARTING = 180.0
"""Seconds that an engine may take to start; after a crash it has to replay its write-ahead log."""


@contextlib.asynccontextmanager
async def claim(data: Path) -> AsyncIterator[IO[str]]:
    """Lock the folder. The engine inherits the lock, so that it is held until the engine has ended as well. Raises
    EngineError where the folder is in use."""
    with _lock_file(data) as lock:
        deadline = time.monotonic() + ENDING
        while not _locked(lock):
            if psutil.pid_exists(owner := _owner(lock)) or time.monotonic() > deadline:
                raise EngineError(f"{data} is in use by another Taktline, process {owner}")
            await asyncio.sleep(0.05)  # the earlier owner was killed, and its engine will notice that soon and end
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        _address_file(data).unlink(missing_ok=True)  # that of an owner that was killed
        yield lock


@contextlib.contextmanager
def announced(data: Path, url: str) -> Iterator[None]:
    """Let commands find the engine at this address while the block runs."""
    path = _address_file(data)
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:  # noqa: PTH123
        file.write(url)
    new.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def has_data(data: Path) -> bool:
    """Whether an engine has ever kept its data in this folder."""
    return database_of(data).exists()


def database_of(data: Path) -> Path:
    """The database's own folder within this one."""
    return data / "pgdata"


async def running_engine(data: Path) -> str | None:
    """The address of the engine that another process runs on this folder, once it has started; None where there is no
    engine. Raises EngineError where it doesn't start."""
    if not (data / "engine.lock").exists():
        return None
    with _lock_file(data) as lock:
        deadline = time.monotonic() + STARTING
        while not _locked(lock):
            with contextlib.suppress(FileNotFoundError):
                return _address_file(data).read_text(encoding="ascii")
            if time.monotonic() > deadline:
                raise EngineError(f"The embedded engine of process {_owner(lock)}, on {data}, doesn't start")
            await asyncio.sleep(0.05)
    return None


def _address_file(data: Path) -> Path:
    return data / "engine.address"


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


def _owner(lock: IO[str]) -> int:
    lock.seek(0)
    return int(lock.read() or 0)
