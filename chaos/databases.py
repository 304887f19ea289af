"""The database under test: its faults, and a connection to check its content."""

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import asyncpg
import psutil

from chaos.processes import Service
from chaos.proxy import Proxy, Way, proxy
from chaos.queries import query
from service.engine.embedded import embedded
from service.store.database import inspect
from service.store.migrate import search_path

Fault = Callable[[Service], Awaitable[None]]
SCHEMA = "taktline"


class Database(Protocol):
    """One kind of database."""

    environment: dict[str, str]
    """The settings of the service for this database."""
    live: bool
    """Whether its content can be checked while the service runs."""

    def faults(self) -> dict[str, Fault]:
        """The faults of this database by name; each is over when it returns."""

    def look(self) -> "AbstractAsyncContextManager[asyncpg.Connection[asyncpg.Record]]":
        """A connection for the checks."""
        ...


class EmbeddedDatabase:
    """The engine that the service starts itself."""

    live = False

    def __init__(self, folder: Path, cache: Path, rng: random.Random) -> None:
        self._data, self._cache, self._rng = folder, cache, rng
        self.environment = {"TAKTLINE_DATA": str(folder), "TAKTLINE_CACHE": str(cache.resolve())}

    def faults(self) -> dict[str, Fault]:
        return {"engine killed": self._kill, "engine paused": self._pause}

    @asynccontextmanager
    async def look(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        async with embedded(self._data, self._cache, lambda _: None) as engine, connection(engine.url) as con:
            yield con

    async def _kill(self, service: Service) -> None:
        if engine := service.engine():
            with suppress(psutil.NoSuchProcess):
                engine.kill()
                await asyncio.sleep(0.3)  # so that the service notices it

    async def _pause(self, service: Service) -> None:
        if engine := service.engine():
            with suppress(psutil.NoSuchProcess):
                engine.suspend()
                try:
                    await asyncio.sleep(self._rng.uniform(0.3, 6))
                finally:
                    engine.resume()


class ServerDatabase:
    """A database of its own on a server, behind a proxy."""

    live = True

    def __init__(self, url: str, name: str, between: Proxy, rng: random.Random) -> None:
        self._admin, self._name, self._between, self._rng = url, name, between, rng
        parts = urlsplit(url)
        self._url = parts._replace(path=f"/{name}").geturl()
        user = parts.netloc.rpartition("@")[0]
        place = f"{user}@127.0.0.1:{between.port}" if user else f"127.0.0.1:{between.port}"
        self.environment = {"DATABASE_URL": parts._replace(path=f"/{name}", netloc=place).geturl()}

    def faults(self) -> dict[str, Fault]:
        return {
            "database unreachable": self._stall,
            "database refuses": self._refuse,
            "database cut off": self._cut,
            "commit cut off": self._cut_commit,
            "answer of the database cut off": self._cut_answer,
            "backends terminated": self._terminate,
        }

    @asynccontextmanager
    async def look(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        async with connection(self._url) as con:
            yield con

    async def _stall(self, _: Service) -> None:
        self._between.stall()
        await asyncio.sleep(self._rng.uniform(0.3, 6))
        if self._rng.random() < 0.5:
            self._between.cut()
        self._between.resume()

    async def _refuse(self, _: Service) -> None:
        self._between.refusing = True
        self._between.cut()
        await asyncio.sleep(self._rng.uniform(0.3, 6))
        self._between.refusing = False

    async def _cut(self, _: Service) -> None:
        self._between.cut()

    async def _cut_commit(self, _: Service) -> None:
        """Cut a connection after a COMMIT was passed on, but before its answer is."""
        self._between.tamper = lambda way, chunk: chunk if way is Way.IN and b"COMMIT;" in chunk else None
        await self._until_cut()

    async def _cut_answer(self, _: Service) -> None:
        self._between.cut_within(self._rng.choice((Way.IN, Way.OUT)), self._rng)
        await self._until_cut()

    async def _until_cut(self) -> None:
        await asyncio.sleep(self._rng.uniform(0.2, 1))
        self._between.tamper = None

    async def _terminate(self, _: Service) -> None:
        con = await asyncpg.connect(self._admin)
        try:
            await con.execute(query("terminate"), self._name)
        finally:
            await con.close()


class DockerDatabase(ServerDatabase):
    """A database on a server in a Docker container, which can be paused and killed."""

    container = ""

    def faults(self) -> dict[str, Fault]:
        return super().faults() | {"container paused": self._pause, "container killed": self._kill}

    async def _pause(self, _: Service) -> None:
        await _docker("pause", self.container)
        try:
            await asyncio.sleep(self._rng.uniform(0.3, 6))
        finally:
            await _docker("unpause", self.container)

    async def _kill(self, _: Service) -> None:
        await _docker("kill", "-s", "KILL", self.container)
        await asyncio.sleep(self._rng.uniform(0, 3))
        await _docker("start", self.container)
        async with asyncio.timeout(60):
            while not await self._answers():  # noqa: ASYNC110
                await asyncio.sleep(0.2)

    async def _answers(self) -> bool:
        try:
            con = await asyncpg.connect(self._admin, timeout=2)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        await con.close()
        return True


@asynccontextmanager
async def on_server(url: str, container: str | None, rng: random.Random) -> AsyncIterator[ServerDatabase]:
    """Create a database on a server, and drop it afterwards."""
    name = f"chaos_{uuid.uuid4().hex[:8]}"
    parts = urlsplit(url)
    await execute(url, f"create database {name}")
    try:
        async with proxy(parts.hostname or "127.0.0.1", parts.port or 5432) as between:
            if container is None:
                yield ServerDatabase(url, name, between, rng)
            else:
                made = DockerDatabase(url, name, between, rng)
                made.container = container
                yield made
    finally:
        await execute(url, f"drop database {name} with (force)")


@asynccontextmanager
async def connection(url: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection in the schema of the service."""
    path = search_path(SCHEMA, await inspect(url))
    con = await asyncpg.connect(url, server_settings={"search_path": path, "timezone": "UTC"})
    try:
        yield con
    finally:
        await con.close()


async def execute(url: str, statement: str) -> None:
    """Run one statement."""
    con = await asyncpg.connect(url)
    try:
        await con.execute(statement)
    finally:
        await con.close()


async def _docker(*command: str) -> None:
    process = await asyncio.create_subprocess_exec("docker", *command, stdout=asyncio.subprocess.DEVNULL)
    await process.wait()
