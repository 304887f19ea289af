"""Readings of thousands of days at once: they are written, or refused with a sentence, and others never notice."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from service.intake.batch import Outcome, Receipt
from service.intake.reading import now_microseconds
from service.store import Store, open_store
from service.store.migrate import migrate, search_path
from service.store.pool import PLANNED, REFRESHING
from service.store.queries import query
from tests.batches import packed, reading
from tests.conftest import Engine
from tests.database import connected, rollup_counts
from tests.harness import Running
from tests.query_plans import nodes

pytestmark = pytest.mark.anyio

DAY = 86_400 * 10**6


def daily(days: int) -> list[str]:
    """The times of so many days, one for each, up to yesterday."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
    return [(noon - timedelta(days=ago)).isoformat() for ago in range(1, days + 1)]


async def test_three_thousand_days_in_one_transaction(engine: Engine, schema: str) -> None:
    """Beside a batch of others, which is in the same transaction; and once more, where the chunks are there."""
    await migrate(engine.url, schema, engine.server, lambda _: None)
    now = now_microseconds()
    batches = [
        packed("years", *(reading(1, 1, ts=now - day * DAY) for day in range(1, 3001))),
        packed("others", reading(1, 1, ts=now - 5000 * DAY)),
    ]
    async with open_store(engine.url, search_path(schema, engine.server), engine.server) as store:
        assert await store.batches.write(batches, Receipt()) == [Outcome.WRITTEN] * 2
        assert await store.records.count() == 3001
        if engine.server.edition == "community":
            await _refresh(store)
        assert await store.batches.write(batches, Receipt()) == [Outcome.DUPLICATE] * 2
        again = packed("again", *(reading(1, 1, ts=now - day * DAY) for day in range(1, 3001)))
        assert await store.batches.write([again], Receipt()) == [Outcome.WRITTEN]
        assert await rollup_counts(engine, schema) == [6001] * 3
    async with connected(engine, schema) as con:
        assert await con.fetchval("select count(*) from show_chunks('reading')") <= 432
        assert await con.fetchval("select count(*) from reading where series = ''") == 0


async def _refresh(store: Store) -> None:
    while await store.rollups.refresh_late():
        pass


async def test_more_days_than_the_server_has_locks_for(fresh: Running, engine: Engine) -> None:
    """The request is refused for good, nothing of it is written, and requests beside it are answered as ever."""
    weeks = [(datetime(1971, 1, 1, tzinfo=UTC) + timedelta(weeks=week)).isoformat() for week in range(2850)]
    long = [{"ts": ts, "series": "long", "plan": 1} for ts in weeks]
    others = [fresh.http.post("/readings", json={"ts": ts, "plan": 1}) for ts in daily(40)]
    refused, *answers = await asyncio.gather(
        fresh.http.post("/readings", json=long, headers={"Idempotency-Key": "long"}), *others
    )
    assert refused.status_code == 413
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert refused.json()["detail"].startswith("These readings lie in 2,850 chunks of the database")
    assert {one.status_code for one in answers} == {200}
    found = (await fresh.http.get("/display", headers={"Accept": "application/json"})).json()
    assert found["total"] == 40


async def test_one_request_of_three_thousand_days_and_more_of_older_ones(fresh: Running) -> None:
    """A reading for each day of 16 years, as from a spreadsheet. Meanwhile pages are shown, and others are heard."""
    times = daily(6100)
    written = asyncio.Event()

    async def send() -> None:
        for first, count in ((0, 3000), (3000, 800), (3800, 800), (4600, 800), (5400, 700)):
            body = [{"ts": ts, "plan": 2, "fact": 1} for ts in times[first : first + count]]
            answer = await fresh.http.post("/readings", json=body, headers={"Idempotency-Key": str(first)})
            assert answer.json() == {"written": count, "duplicate": False}
        written.set()

    async def look() -> None:
        while not written.is_set():
            for path in ("/", "/display", "/chart"):
                answer = await fresh.http.get(path, headers={"Accept": "text/html"})
                assert answer.status_code == 200, answer.text
            assert (await fresh.http.post("/readings", json={"series": "other", "fact": 1})).status_code == 200

    await asyncio.gather(send(), look())
    asked = {"from": times[-1], "until": "now", "format": "json", "step": "1y", "tz": "UTC", "series": "default"}
    buckets = (await fresh.http.get("/chart", params=asked)).json()["buckets"]
    assert sum(bucket["readings"] for bucket in buckets) == 6100
    assert sum(bucket["plan"] for bucket in buckets) == 12200


async def test_marks_are_taken_away_without_comparing_all_with_all(engine: Engine, schema: str) -> None:
    if engine.server.edition != "community":
        pytest.skip("the Apache edition marks nothing")
    marks = 2_000
    await migrate(engine.url, schema, engine.server, lambda _: None)
    async with connected(engine, schema) as con:
        for name, value in (PLANNED | REFRESHING).items():
            await con.execute(f"set {name} = '{value}'")
        await con.execute(query("mark_late"), list(range(marks)))
        rows = await con.fetch("select bucket, version from late_minute")
        given = [row["bucket"] for row in rows], [row["version"] for row in rows]
        told = await con.fetchval("explain (analyze, timing off, format json) " + query("clear_late"), *given)
        assert await con.fetchval("select count(*) from late_minute") == 0
    compared = sum(
        node["Actual Loops"] * (node["Actual Rows"] + sum(node[key] for key in node if key.startswith("Rows Removed")))
        for node in nodes(msgspec.json.decode(told)[0]["Plan"])
    )
    assert compared <= 10 * marks
