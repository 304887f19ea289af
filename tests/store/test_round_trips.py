"""How often a page and a chart wait for the database: while readings come as fast as they can, each question waits long
for its turn."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest

from chaos.proxy import Way
from service.period.bucket import BucketQuestion
from service.period.selection import ALL_SERIES, Selection
from service.period.steps import make_period
from service.store import Store, open_store
from service.store.migrate import migrate, search_path
from tests.conftest import Engine
from tests.database import connected
from tests.faults import proxied
from tests.harness import until

pytestmark = pytest.mark.anyio

CROWD = """
insert into reading (ts, series, plan, fact)
select now() - number * interval '0.1 ms', 'line ' || number % 20, 40, number % 80
from generate_series(1, 120_000) as number
"""
Asked = Callable[[Callable[[], Awaitable[object]]], Awaitable[int]]


@pytest.fixture
async def store(engine: Engine, schema: str) -> AsyncIterator[tuple[Store, Asked]]:
    """A store with a crowded minute, and a function that counts what is sent to its database."""
    await migrate(engine.url, schema, engine.server, lambda _: None)
    async with connected(engine, schema) as con:
        await con.execute(CROWD)
    path = search_path(schema, engine.server)
    async with proxied(engine) as (between, url), open_store(url, path, engine.server) as opened:
        sent = 0

        def tamper(way: Way, _: bytes) -> None:
            nonlocal sent
            sent += way is Way.IN

        async def asked(ask: Callable[[], Awaitable[object]]) -> int:
            await ask()  # its statements are prepared then
            await until(lambda: opened.reading.idle == 1)
            before = sent
            await ask()
            await until(lambda: opened.reading.idle == 1)
            return sent - before

        between.tamper = tamper
        yield opened, asked


async def test_the_newest_page_is_found_in_few(store: tuple[Store, Asked]) -> None:
    """The beginning and the end of a snapshot and what it has; the day, the hour, and the minute; some parts of the
    minute; and the readings."""
    opened, asked = store
    assert await asked(lambda: opened.records.newest(50)) <= 13


async def test_a_chart_takes_fewer(store: tuple[Store, Asked]) -> None:
    """The beginning and the end of a snapshot and what it has; the buckets, and the notes."""
    opened, asked = store
    question = BucketQuestion(make_period("now-1h", "now", "1m", "UTC", datetime.now(UTC), 100), "sum", ALL_SERIES)
    assert await asked(lambda: opened.buckets.read(question)) <= 5


async def test_nobody_waits_for_the_end_of_a_snapshot(store: tuple[Store, Asked]) -> None:
    opened, _ = store
    await opened.overview.totals(Selection(), datetime.now(UTC))
    assert opened.reading.idle == 0
    await until(lambda: opened.reading.idle == 1)
