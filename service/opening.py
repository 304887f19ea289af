"""Opens the database of the settings, or the embedded one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from service.engine.embedded import embedded
from service.engine.folder import running_engine
from service.errors import DatabaseAway, StartError
from service.settings import Settings
from service.store.database import DatabaseServer, inspect
from service.store.database_hosts import DatabaseHosts
from service.store.migrate import migrate
from service.store.queries import read_queries

DATABASE_PATIENCE = 15.0
"""Seconds to wait at start for a database that doesn't answer yet."""

log = structlog.stdlib.get_logger("service")
Say = Callable[[str], None]


@asynccontextmanager
async def open_database(
    settings: Settings, say: Say, *, beside: bool = False
) -> AsyncIterator[tuple[DatabaseHosts, DatabaseServer]]:
    """Open the database of the settings, or the embedded one, and bring its schema up to date. With `beside`, the
    embedded one may be run by another process."""
    read_queries()
    async with _address(settings, say, beside=beside) as url:
        hosts = DatabaseHosts(url)
        try:
            yield hosts, await _prepare(hosts, settings, say)
        finally:
            hosts.close()


@asynccontextmanager
async def _address(settings: Settings, say: Say, *, beside: bool) -> AsyncIterator[str]:
    """The address of the database; the embedded engine runs as long as the block does."""
    if settings.federate:
        raise StartError("A view over several sites, FEDERATE, has no database; do this at a site")
    if (url := settings.database) is not None:
        yield url
    elif beside and (running := await running_engine(settings.taktline_data)) is not None:
        yield running
    else:
        async with embedded(settings.taktline_data, settings.taktline_cache, say) as engine:
            yield engine.url


@asynccontextmanager
async def reached(settings: Settings, say: Say) -> AsyncIterator[tuple[DatabaseHosts, DatabaseServer]]:
    """The database of the settings as it is, also beside a running service. Nothing in it is changed."""
    read_queries()
    async with _address(settings, say, beside=True) as url:
        hosts = DatabaseHosts(url)
        try:
            yield hosts, await inspect(hosts, install=False)
        finally:
            hosts.close()


async def _prepare(hosts: DatabaseHosts, settings: Settings, say: Say) -> DatabaseServer:
    server = await _found(hosts, say)
    say(f"database: {server.describe()}{f' at {hosts.in_use}' if hosts.several else ''}")
    if not server.durable:
        log.warning("the database may lose committed readings in a crash: fsync or synchronous_commit is off")
    await migrate(hosts, settings.database_schema, server, say)
    return server


async def _found(hosts: DatabaseHosts, say: Say) -> DatabaseServer:
    """Inspect the database server, after waiting a little for one that is just starting."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + DATABASE_PATIENCE
    while True:
        try:
            return await inspect(hosts)
        except DatabaseAway as exc:
            if loop.time() > give_up:
                raise
            say(f"waiting for the database: {exc.detail}")
            await asyncio.sleep(2)
