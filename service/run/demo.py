"""The demo: fills an empty store with sample readings, and keeps an emitter running beside the service."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import structlog

from service.access.grants import Scope
from service.run.boot import Service
from service.run.lifecycle import Stage
from service.store import Store

SAMPLE = ("fill", "--from", "-2h", "--until", "now", "--series", "sample", "--every", "10s")
LIVE = ("run", "--stdin-lifeline")
AGAIN = 5.0
"""Seconds until an emitter that has ended by itself is replaced by another."""

log = structlog.stdlib.get_logger("demo")


@asynccontextmanager
async def emitting(service: Service, data: Path, *, again: float = AGAIN) -> AsyncIterator[None]:
    """Run an emitter that sends to this service until the block ends. When the service stops, the emitter is stopped
    first. An emitter that has ended by itself is replaced after `again` seconds."""
    # so that it goes on sending when the first key closes the service
    key = service.parts.keyring.lend("demo", [Scope.WRITE])
    task = asyncio.create_task(_emit(service.parts.store, data, service.port, key, again))

    async def stop() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            try:
                await task
            except Exception:  # the service has to stop in order, whatever went wrong here
                log.exception("the emitter could not be kept running")

    service.lifecycle.at(Stage.LISTEN, "emitter", stop)
    try:
        yield
    finally:
        await stop()


async def _emit(store: Store, data: Path, port: int, key: str, again: float) -> None:
    environment = {
        **os.environ,
        "EMITTER_URL": f"ws://127.0.0.1:{port}/",
        "EMITTER_TOKEN": key,
        "EMITTER_SPOOL": str(data / "emitter.sqlite"),
    }
    if await store.records.count() == 0:
        log.info("first start: filling the past two hours with sample readings, series sample")
        await _run(SAMPLE, environment)
    while True:
        await _run(LIVE, environment)
        log.warning("the emitter has ended; it is started again", after=f"{again:g} s")
        await asyncio.sleep(again)


async def _run(arguments: tuple[str, ...], environment: dict[str, str]) -> None:
    """Run the emitter in a process of its own. The terminal's Ctrl-C doesn't reach it, so that it can be stopped in
    order."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "emitter", *arguments, stdin=PIPE, env=environment, start_new_session=True
    )
    try:
        status = await process.wait()
        if status:
            log.warning("the emitter ended", status=status)
    finally:
        await _stop(process)


async def _stop(process: Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await process.wait()
    except asyncio.CancelledError:  # the lifecycle waits no longer
        process.kill()
        raise
