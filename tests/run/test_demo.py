"""The emitter that `taktline demo` keeps running beside the service."""

import asyncio
import signal
from pathlib import Path

import psutil
import pytest

from service.run.demo import emitting
from tests.harness import Running, stored

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(90)]


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
async def test_an_emitter_that_ends_is_started_again(fresh: Running, tmp_path: Path, ending: signal.Signals) -> None:
    # so that this isn't the first start, at which sample readings are written
    await fresh.http.post("/readings", json={"plan": 1})
    async with emitting(fresh.service, tmp_path, again=0.2):
        for readings in (2, 3):
            emitter = await _emitter()
            await stored(fresh, "default", readings)
            emitter.send_signal(ending)
            await _gone(emitter)
        last = await _emitter()
    await _gone(last)


async def _emitter() -> psutil.Process:
    """The process of the emitter, as soon as there is one."""
    async with asyncio.timeout(15):
        while True:
            for child in psutil.Process().children():
                if _runs(child) and "emitter run" in " ".join(child.cmdline()):
                    return child
            await asyncio.sleep(0.05)


async def _gone(process: psutil.Process) -> None:
    """Wait until a process has ended. Only its parent may call wait() for it, so its state is polled."""
    async with asyncio.timeout(10):
        while _runs(process):  # noqa: ASYNC110 - another process makes it false
            await asyncio.sleep(0.05)


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
