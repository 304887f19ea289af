"""Runs the service as a process, for the history checker, the benchmarks and the tests."""

import asyncio
import os
import socket
import sys
from asyncio.subprocess import Process
from collections.abc import Mapping, Sequence
from typing import IO

import httpx

INHERITED = ("PATH", "HOME", "LANG", "TMPDIR")
"""The environment variables that the process inherits; it gets no settings from the environment of its parent."""


async def start(
    module: str,
    *arguments: str,
    settings: Mapping[str, str],
    output: int | IO[bytes] | None = None,
    through: Sequence[str] = (),
) -> Process:
    """Start a module of ours in a process, with these settings and no others. `output` gets both of its output
    streams; `through` is a command that runs the command which follows it."""
    kept = {name: value for name, value in os.environ.items() if name in INHERITED or name.startswith("COVERAGE_")}
    return await asyncio.create_subprocess_exec(
        *(*through, sys.executable, "-m", module, *arguments),
        env={**kept, **settings},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
    )


async def until_ready(url: str, limit: float = 60) -> None:
    """Wait until the service at this address is ready. Raises TimeoutError after `limit` seconds."""
    async with httpx.AsyncClient(base_url=url, timeout=5, trust_env=False) as http, asyncio.timeout(limit):
        while not await is_ready(http):  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.1)


async def is_ready(http: httpx.AsyncClient) -> bool:
    """Whether the service at this client's address is ready."""
    try:
        return (await http.get("/readyz")).status_code == 200
    except httpx.TransportError:
        return False


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        return port
