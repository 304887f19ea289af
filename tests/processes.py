"""Runs the service, and commands of `taktline`, as processes."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from chaos import service_process
from tests.conftest import Engine, cache


async def start(command: str = "run_server", **environment: str) -> Process:
    settings = {"TAKTLINE_CACHE": str(cache()), "API_HOST": "127.0.0.1", **environment}
    return await service_process.start("service", command, settings=settings, output=PIPE)


async def taktline(*arguments: str, **environment: str) -> tuple[int, str, str]:
    """Run a command. Returns its status, its output, and what it says beside that."""
    kept = {name: os.environ[name] for name in service_process.INHERITED if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", *arguments),
        env={**kept, "TAKTLINE_CACHE": str(cache()), **environment},
        stdout=PIPE,
        stderr=PIPE,
    )
    output, said = await process.communicate()
    assert b"Traceback" not in said, said.decode()
    assert process.returncode is not None
    return process.returncode, output.decode(), said.decode()


@asynccontextmanager
async def serving(engine: Engine, schema: str, **environment: str) -> AsyncIterator[tuple[Process, str]]:
    port = service_process.free_port()
    process = await start(DATABASE_URL=engine.url, DATABASE_SCHEMA=schema, API_PORT=str(port), **environment)
    url = f"http://127.0.0.1:{port}"
    try:
        await service_process.until_ready(url)
        yield process, url
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
