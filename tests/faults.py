"""Runs a service whose connections to the database can be made to fail."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg

from chaos.proxy import Proxy, Tamper, Way, proxy
from service.settings import Settings
from tests.conftest import Engine
from tests.harness import Running, running


@asynccontextmanager
async def proxied(engine: Engine) -> AsyncIterator[tuple[Proxy, str]]:
    """A proxy in front of the database, and the address of the database by way of the proxy."""
    parts = urlsplit(engine.url)
    async with proxy(parts.hostname or "127.0.0.1", parts.port or 5432) as between:
        user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        yield between, parts._replace(netloc=f"{user}127.0.0.1:{between.port}").geturl()


@asynccontextmanager
async def behind_proxy(engine: Engine, schema: str, **overrides: object) -> AsyncIterator[tuple[Running, Proxy]]:
    """A running service that reaches its database through a proxy."""
    async with proxied(engine) as (between, url):
        settings = Settings.load(database_url=url, database_schema=schema, chart_tz="UTC", **overrides)
        async with running(settings) as service:
            yield service, between


def lose_commits(times: int, *, before: bool = False) -> Tamper:
    """Cut the connection so many times when a COMMIT is answered, before the answer is passed on; with `before`,
    already before the COMMIT is."""
    left = times
    asked = False

    def tamper(way: Way, chunk: bytes) -> bytes | None:
        nonlocal left, asked
        if left and way is Way.IN and b"COMMIT;" in chunk:
            left -= before
            asked = not before
            return b"" if before else None
        if asked and way is Way.OUT:
            left, asked = left - 1, False
            return b""
        return None

    return tamper


async def numbers(engine: Engine, schema: str) -> list[int]:
    """The plans of all stored readings, sorted."""
    con = await asyncpg.connect(engine.url)
    try:
        return [int(row[0]) for row in await con.fetch(f'select plan from "{schema}".reading order by plan')]
    finally:
        await con.close()
