"""The service as a process of its own."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from tests.conftest import Engine, cache
from tests.harness import free_port

PASSED = ("PATH", "HOME", "LANG", "TMPDIR")


async def start(command: str = "run_server", **environment: str) -> Process:
    clean = {name: value for name, value in os.environ.items() if name in PASSED or name.startswith("COVERAGE_")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "service", command,
        env={**clean, "TAKTLINE_CACHE": str(cache()), "API_HOST": "127.0.0.1", **environment}, stdout=PIPE, stderr=PIPE,
    )  # fmt: skip


@asynccontextmanager
async def serving(engine: Engine, schema: str, **environment: str) -> AsyncIterator[tuple[Process, str]]:
    port = free_port()
    process = await start(DATABASE_URL=engine.url, DATABASE_SCHEMA=schema, API_PORT=str(port), **environment)
    url = f"http://127.0.0.1:{port}"
    try:
        await _ready(url)
        yield process, url
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def _ready(url: str) -> None:
    async with httpx.AsyncClient() as http, asyncio.timeout(60):
        while True:
            try:
                if (await http.get(f"{url}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.1)
