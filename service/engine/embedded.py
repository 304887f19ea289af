"""Starts, watches and stops the embedded engine: a Node process that runs bridge.mjs."""

import asyncio
import contextlib
import json
import logging
import secrets
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from service.engine.folder import STARTING, announced, claim, database_of
from service.engine.packages import install, node
from service.errors import EngineError

__all__ = ["Embedded", "embedded", "install"]

_BRIDGE = Path(__file__).with_name("bridge.mjs")
# The first flag is in MiB: garbage is collected earlier, which saves a hundred MiB. The second is in KiB, of the usual
# stack of 8 MiB, and decides how deeply a query may be nested.
_FLAGS = ("--max-semi-space-size=4", "--stack-size=3900")
_STOP_LIMIT = 10.0
"""Seconds that the engine may take to stop before it is killed."""
_PATIENCE = 60.0
"""Seconds that a client may keep the only session idle in a transaction while others wait for it."""
_DELAYS = (0.1, 10.0)
"""Seconds until an engine that has ended is started again: the first time, and at most where it ends again and
again."""
_LINE = 500
"""The most characters of a line of the engine's output that are logged."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Embedded:
    """A running embedded engine."""

    url: str
    """The address, which stays the same when the engine is started again. Its password is new for each owner."""
    version: str
    """The versions of TimescaleDB and PostgreSQL, for people."""


@contextlib.asynccontextmanager
async def embedded(
    data: Path, cache: Path, say: Callable[[str], None], *, patience: float = _PATIENCE
) -> AsyncIterator[Embedded]:
    """Run an engine with its data in `data` until the context ends. An engine that ends by itself is started again.

    Raises EngineError where the engine can't be installed or started, or where `data` is in use.
    """
    packages = await install(cache, say)
    async with claim(data) as lock:
        began = time.monotonic()
        keeper = _Keeper(packages, lock, patience)
        say("Starting the embedded engine …" if keeper.has_data else "Making a new database …")
        keeping = asyncio.create_task(keeper.keep())
        try:
            await asyncio.wait((keeping, keeper.ready), return_when=asyncio.FIRST_COMPLETED)
            if keeping.done():
                keeping.result()
            say(f"The embedded engine is ready after {time.monotonic() - began:.1f} s")
            engine = keeper.ready.result()
            with announced(data, engine.url):
                yield engine
        finally:
            keeping.cancel()
            await asyncio.wait((keeping,))


class _Keeper:
    """Starts an engine, and starts it again on the same port whenever it ends."""

    def __init__(self, packages: Path, lock: IO[str], patience: float) -> None:
        self.ready: asyncio.Future[Embedded] = asyncio.get_running_loop().create_future()
        self._lock, self._greeted = lock, False
        self._folder = database_of(Path(lock.name).parent)
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
            began, has_data, self._greeted = time.monotonic(), self.has_data, False
            try:
                reason = await self._run()
                if has_data and not self._greeted:
                    reason += self._on_damage()
            except OSError as exc:
                reason = str(exc)
            if not self.ready.done():
                raise EngineError(f"The embedded engine can't start: {reason}")
            lived = time.monotonic() - began
            delay = _DELAYS[0] if lived > longest else min(2 * delay, longest)
            _log.warning("The embedded engine ended, it's started again in %.1f s: %s", delay, reason)
            await asyncio.sleep(delay)

    async def _run(self) -> str:
        """Run the engine until it ends. Returns the reason."""
        async with self._process() as (process, output):
            try:
                async with asyncio.timeout(STARTING):
                    hello = await cast("asyncio.StreamReader", process.stdout).readline()
            except TimeoutError:
                return f"it didn't answer within {STARTING:.0f} s"
            if hello:
                self._greet(**json.loads(hello))
            status = await process.wait()
        return next((line.rstrip(".") for line in output if "Error" in line), f"status {status}")

    def _on_damage(self) -> str:
        """What to do where the engine can't start on data that are there. It says no more than that it broke."""
        return (
            f". The data in {self._folder} may be damaged, or their disk full. If there is room on the disk, put "
            "that folder from a backup in its place, or move it away to begin with an empty database"
        )

    def _greet(self, port: int, version: str) -> None:
        self._order["port"], self._greeted = port, True
        if self.ready.done():
            _log.info("The embedded engine is back")
        else:
            url = f"postgresql://postgres:{self._password}@127.0.0.1:{port}/postgres"
            self.ready.set_result(Embedded(url=url, version=version))

    @contextlib.asynccontextmanager
    async def _process(self) -> AsyncIterator[tuple[Process, list[str]]]:
        """Start the engine's process, and collect what it writes to stderr. It is stopped when the context ends."""
        process = await asyncio.create_subprocess_exec(
            *(node(), *_FLAGS, _BRIDGE),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env={},
            pass_fds=(self._lock.fileno(),),
            start_new_session=True,  # so that the terminal's Ctrl-C doesn't reach it: the service stops it in order
        )
        output: list[str] = []
        listening = asyncio.create_task(_listen(cast("asyncio.StreamReader", process.stderr), output))
        try:
            cast("asyncio.StreamWriter", process.stdin).write(json.dumps(self._order).encode() + b"\n")
            yield process, output
        finally:
            await _stop(process)
            await listening


async def _listen(stderr: asyncio.StreamReader, output: list[str]) -> None:
    """Log what the engine writes, and keep its first lines."""
    rest = b""
    while chunk := await stderr.read(4096):
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[:_LINE]
        for line in lines:
            output.append(line[:_LINE].decode(errors="replace"))
            _log.debug("The embedded engine: %s", output[-1])
        del output[20:]


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
