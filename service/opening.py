"""Opens the database of the settings, or the embedded one."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog

from service.engine.embedded import embedded
from service.engine.folder import has_data, running_engine
from service.errors import DatabaseAway, NotThere, StartError
from service.settings import Settings
from service.store.database import DatabaseServer, inspect
from service.store.database_hosts import DatabaseHosts
from service.store.migrate import is_made, migrate
from service.store.queries import read_queries

DATABASE_PATIENCE = 15.0
"""Seconds to wait at start for a database that doesn't answer yet."""

log = structlog.stdlib.get_logger("service")
Say = Callable[[str], None]


@asynccontextmanager
async def open_database(
    settings: Settings, say: Say, *, beside: bool = False
) -> AsyncIterator[tuple[DatabaseHosts, DatabaseServer]]:
    """Open the database of the settings, or the embedded one, and bring its schema up to date. With `beside`, it is
    that of a service, which may be running: NotThere where no service has ever made it, since what is done in a new one
    would be known to none."""
    read_queries()
    async with _address(settings, say, beside=beside) as url:
        hosts = DatabaseHosts(url)
        try:
            yield hosts, await _prepare(hosts, settings, say, beside=beside)
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
    elif beside and not has_data(settings.taktline_data):
        raise NotThere(
            f"There is no Taktline in the folder {settings.taktline_data.absolute()}. TAKTLINE_DATA names that of one "
            "that is elsewhere (with make run it is .taktline/data), DATABASE_URL a server; a first start, or taktline "
            "migrate, makes a new one"
        )
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


def place_of(settings: Settings, hosts: DatabaseHosts) -> str:
    """Where the database of the settings is, for people."""
    if settings.database is None:
        return f"the embedded engine in {settings.taktline_data.absolute()}"
    return hosts.place


async def _prepare(hosts: DatabaseHosts, settings: Settings, say: Say, *, beside: bool) -> DatabaseServer:
    server = await _found(hosts, say, install=not beside)
    if beside and not await is_made(hosts, settings.database_schema, server):
        raise NotThere(
            f"There is no Taktline in the schema {settings.database_schema} of {place_of(settings, hosts)}. "
            "DATABASE_SCHEMA and DATABASE_URL name that of one that is elsewhere; a first start, or taktline migrate, "
            "makes a new one"
        )
    say(f"database: {server.describe()}{f' at {hosts.in_use}' if hosts.several else ''}")
    if not server.durable:
        log.warning("the database may lose committed readings in a crash: fsync or synchronous_commit is off")
    await migrate(hosts, settings.database_schema, server, say)
    return server


async def _found(hosts: DatabaseHosts, say: Say, *, install: bool) -> DatabaseServer:
    """Inspect the database server, after waiting a little for one that is just starting. Without `install`, an
    extension that is missing is an error."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + DATABASE_PATIENCE
    while True:
        try:
            return await inspect(hosts, install=install)
        except DatabaseAway as exc:
            if loop.time() > give_up:
                raise
            say(f"waiting for the database: {exc.detail}")
            await asyncio.sleep(2)
