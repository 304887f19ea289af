"""Starts a service to measure, in a process and a database schema of its own."""

import asyncio
import os
import sys
import uuid
from asyncio.subprocess import PIPE, create_subprocess_exec
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg
import httpx

from chaos.service_process import free_port, start, until_ready
from service.store.conflicts import insist
from service.store.database import inspect
from service.store.migrate import search_path


@dataclass(frozen=True)
class Target:
    """A running service and the server behind it."""

    url: str
    database_url: str
    schema: str
    search_path: str
    describe: str
    pid: int
    """The process id of the service."""
    brief: bool = False
    """Whether quick and rough figures are wanted."""
    readings: int | None = None
    """How many readings to write for benchmarks of stored readings."""
    key: str | None = None
    """The key that every request sends, where one is needed."""

    @property
    def ws(self) -> str:
        return self.url.replace("http", "ws", 1) + "/"

    @property
    def headers(self) -> dict[str, str]:
        """What every request sends."""
        return {} if self.key is None else {"Authorization": f"Bearer {self.key}"}

    def client(self, timeout: float = 60) -> httpx.AsyncClient:
        """A client of the service, which waits for so many seconds."""
        return httpx.AsyncClient(base_url=self.url, timeout=timeout, headers=self.headers)

    async def connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        """A connection that sees the service's relations."""
        return await asyncpg.connect(self.database_url, server_settings={"search_path": self.search_path})


@asynccontextmanager
async def serving(
    database_url: str, *, brief: bool = False, readings: int | None = None, with_key: bool = False, workers: int = 1
) -> AsyncIterator[Target]:
    """Start a service of so many workers, `with_key` one that needs a key, and drop its schema afterwards."""
    server = await inspect(database_url)
    schema, port = f"bench_{uuid.uuid4().hex[:8]}", free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "DATABASE_SCHEMA": schema,
        "API_HOST": "127.0.0.1",
        "API_PORT": str(port),
        "LOG_LEVEL": "WARNING",
        "WORKERS": str(workers),
    }
    key = await _first_key(environment) if with_key else None
    process = await start("service", "run_server", settings=environment)
    target = Target(
        f"http://127.0.0.1:{port}",
        database_url,
        schema,
        search_path(schema, server),
        server.describe(),
        process.pid,
        brief,
        readings,
        key,
    )
    try:
        await until_ready(target.url)
        await _all_ready(target, workers)
        yield target
    finally:
        process.terminate()
        await process.wait()
        con = await asyncpg.connect(database_url)
        await insist(lambda: con.execute(f'drop schema if exists "{schema}" cascade'))
        await con.close()


async def _all_ready(target: Target, workers: int) -> None:
    """Wait until all workers take connections."""
    async with target.client() as http, asyncio.timeout(60):
        while (await http.get("/readyz")).json().get("workers", {"ready": 1})["ready"] != workers:  # noqa: ASYNC110
            await asyncio.sleep(0.1)


async def _first_key(environment: dict[str, str]) -> str:
    """Make a key in a new schema. It is the first one, so that nothing is open without a key any more."""
    for command in (["migrate"], ["keys", "add", "bench", "--scope", "admin"]):
        process = await create_subprocess_exec(sys.executable, "-m", "service", *command, env=environment, stdout=PIPE)
        said, _ = await process.communicate()
        assert process.returncode == 0, command
    return said.decode().strip()
