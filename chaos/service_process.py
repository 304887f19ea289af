"""The service as a process of its own, for all that look at it from outside: the history checker, benchmarks, tests."""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping
from typing import IO

import httpx

INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
"""Of the environment: no setting of whoever starts it gets any further."""


async def start(
    module: str, *arguments: str, settings: Mapping[str, str], output: int | IO[bytes] | None = None
) -> Process:
    """A module of ours in a process, with these settings and no others; `output` is for both of its outputs."""
    kept = {name: value for name, value in os.environ.items() if name in INHERITED or name.startswith("COVERAGE_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *arguments),
        env={**kept, **settings},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    )


async def until_ready(url: str, limit: float = 60) -> None:
    """Wait until the service there is ready; TimeoutError after `limit` seconds."""
    async with httpx.AsyncClient(base_url=url, timeout=5, trust_env=False) as http, asyncio.timeout(limit):
        while not await is_ready(http):  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.1)


async def is_ready(http: httpx.AsyncClient) -> bool:
    """Whether the service that this client asks is ready."""
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
