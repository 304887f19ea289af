"""Opens the database for a command, with a word about what is going on."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console

from service.opening import open_database, place_of
from service.settings import Settings
from service.store import Store, open_store
from service.store.migrate import search_path


@asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[tuple[Store, str]]:
    """The store in the database of the settings, which may be in use by a running service, and where that is. Raises
    NotThere where no service has made it."""
    with Console(stderr=True).status("Opening the database …") as status:
        async with (
            open_database(settings, status.update, beside=True) as (hosts, server),
            open_store(hosts, search_path(settings.database_schema, server), server) as store,
        ):
            status.stop()
            yield store, f"{place_of(settings, hosts)}, schema {settings.database_schema}"
