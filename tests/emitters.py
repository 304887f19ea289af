"""Runs the emitter's commands as processes."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


class Emitters:
    """Emitter processes in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[Process] = []

    async def start(self, *arguments: str, **environment: str) -> Process:
        return await self._start("emitter", arguments, environment)

    async def start_load(self, *arguments: str, **environment: str) -> Process:
        """Starts the load generator in the same way."""
        return await self._start("bench.load", arguments, environment)

    async def _start(self, module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> Process:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        own = {"PYTHONPATH": str(ROOT), "EMITTER_SPOOL": str(self._folder / "spool.sqlite")}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            cwd=self._folder,
            env=kept | own | dict(environment),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
        )
        self._processes.append(process)
        return process

    async def finish(self, process: Process) -> tuple[int, str, str]:
        """Waits for the end of a process. Returns its status, its output and its log."""
        async with asyncio.timeout(10):
            output, log = await process.communicate()
        assert process.returncode is not None
        assert b"Traceback" not in log, log.decode()
        return process.returncode, output.decode(), log.decode()

    async def emit(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        return await self.finish(await self.start(*arguments, **environment))

    async def load(self, *arguments: str) -> tuple[int, str, str]:
        return await self.finish(await self.start_load(*arguments))

    async def kill(self) -> None:
        for process in self._processes:
            if process.returncode is None:
                process.kill()
                await process.communicate()


@pytest.fixture
async def emitters(tmp_path: Path) -> AsyncIterator[Emitters]:
    emitters = Emitters(tmp_path)
    yield emitters
    await emitters.kill()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.02)
