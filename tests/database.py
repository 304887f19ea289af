"""Reads the database directly, without the service."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

from service.store.migrate import search_path
from tests.conftest import Engine


@asynccontextmanager
async def connected(engine: Engine, schema: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection with this schema in its search path."""
    settings = {"search_path": search_path(schema, engine.server), "jit": "off"}
    con = await asyncpg.connect(engine.url, server_settings=settings)
    try:
        yield con
    finally:
        await con.close()


async def rollup_counts(engine: Engine, schema: str) -> list[int]:
    """How many readings each rollup counts."""
    async with connected(engine, schema) as con:
        counts = "select coalesce(sum(readings), 0)::bigint from reading_"
        return [await con.fetchval(counts + unit) for unit in ("minute", "hour", "day")]
