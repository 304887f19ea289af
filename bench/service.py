"""Starts a service to measure, in a process and a database schema of its own."""

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

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

    @property
    def ws(self) -> str:
        return self.url.replace("http", "ws", 1) + "/"

    async def connect(self) -> "asyncpg.Connection[asyncpg.Record]":
        """A connection that sees the service's relations."""
        return await asyncpg.connect(self.database_url, server_settings={"search_path": self.search_path})


@asynccontextmanager
async def serving(database_url: str, *, brief: bool = False, readings: int | None = None) -> AsyncIterator[Target]:
    """Start a service, and drop its schema afterwards."""
    server = await inspect(database_url)
    schema, port = f"bench_{uuid.uuid4().hex[:8]}", free_port()
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        "DATABASE_SCHEMA": schema,
        "API_HOST": "127.0.0.1",
        "API_PORT": str(port),
        "LOG_LEVEL": "WARNING",
    }
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
    )
    try:
        await until_ready(target.url)
        yield target
    finally:
        process.terminate()
        await process.wait()
        con = await asyncpg.connect(database_url)
        await insist(lambda: con.execute(f'drop schema if exists "{schema}" cascade'))
        await con.close()
