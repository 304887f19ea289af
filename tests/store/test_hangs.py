"""While the database doesn't answer, or refuses everything, the service says so soon, and says why; who sends readings
isn't kept waiting for ever, and what becomes of them later is right."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import asyncpg
import pytest
from websockets.asyncio.client import connect

from chaos.proxy import Proxy, Way
from service.errors import DatabaseAway
from service.intake.copy_rows import COLUMNS
from service.store.database import inspect
from service.store.queries import query
from tests.conftest import Engine
from tests.database import connected
from tests.faults import numbers, proxied
from tests.harness import Running, counted, until

pytestmark = pytest.mark.anyio

FULL = """
    create function no_room() returns trigger language plpgsql as $$
    begin
      raise exception using
        errcode = 'disk_full',
        message = 'could not extend file "base/5/17339": No space left on device',
        hint = 'Check free disk space.';
    end $$;
    create trigger no_room before insert on batch for each row execute function no_room()
"""


@asynccontextmanager
async def locked(engine: Engine, schema: str) -> AsyncIterator[None]:
    """Somebody else's transaction that keeps everybody from the readings; on the embedded engine, which has a single
    session, from everything."""
    async with connected(engine, schema) as con, con.transaction():
        await con.execute("lock table reading")
        yield


async def not_ready(service: Running, said: str) -> dict[str, Any]:
    """Wait until /readyz says why the service isn't ready."""
    async with asyncio.timeout(10):
        while True:
            answer = await service.http.get("/readyz")
            body: dict[str, Any] = answer.json()
            if answer.status_code == 503 and said in body["detail"]:
                return body
            await asyncio.sleep(0.02)


async def ready(service: Running) -> None:
    async with asyncio.timeout(10):
        while (await service.http.get("/readyz")).status_code != 200:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_lock_that_others_hold(fresh: Running, engine: Engine, schema: str) -> None:
    writer, key = fresh.parts.writer, {"Idempotency-Key": "once"}
    writer.late, writer.too_late = 0.5, 1.5
    # new series are looked up in the database before their batch is queued; these are known
    assert (await fresh.http.post("/readings", json=[{"plan": 0}, {"series": "a", "plan": 0}])).status_code == 200
    async with connect(fresh.ws) as socket:
        async with locked(engine, schema):
            began = time.monotonic()
            post = asyncio.create_task(fresh.http.post("/readings", json={"plan": 1}, headers=key))
            await until(lambda: writer.age() > 0)
            line = asyncio.create_task(fresh.http.post("/api/v2/write", content="a plan=2"))
            body = await not_ready(fresh, "Readings have waited for")
            if not engine.server.embedded:
                assert "of the database (" in body["detail"]
                assert "holds a lock that they wait for" in body["detail"]
            answer = await post
            assert 1.4 < time.monotonic() - began < 10
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
            assert "It isn't known whether this was written" in answer.json()["detail"]
            assert await counted(fresh, "/readings", "in_doubt") == 1
            # on the embedded engine there is one transaction at a time, so that this batch isn't being written yet
            reason = "waited" if engine.server.embedded else "in_doubt"
            assert (await line).json()["code"] == "unavailable"
            assert await counted(fresh, "/api/v2/write", reason) == 1
            refused = await fresh.http.post("/readings", json={"plan": 3})
            assert refused.status_code == 503
            assert "Readings have waited for" in refused.json()["detail"]
            # what a server may be waiting for isn't there on the embedded engine
            assert ("waits for a standby" in refused.json()["detail"]) is not engine.server.embedded
            assert (await fresh.http.get("/health")).json()["status"] == "fail"
            await socket.send(json.dumps({"id": "frame", "readings": [{"plan": 4}]}))
            await until(lambda: writer.waiting == (2 if engine.server.embedded else 3))
            metrics = (await fresh.http.get("/metrics")).text
            age = next(one for one in metrics.splitlines() if one.startswith("taktline_waiting_seconds "))
            assert float(age.split()[1]) > 1.4
        assert json.loads(await asyncio.wait_for(socket.recv(), 10)) == {"ack": "frame", "written": 1}
    await ready(fresh)
    again = await fresh.http.post("/readings", json={"plan": 1}, headers=key)
    assert again.json() == {"written": 0, "duplicate": True}
    assert writer.waiting == 0
    assert await numbers(engine, schema) == ([0, 0, 1, 4] if engine.server.embedded else [0, 0, 1, 2, 4])


async def test_a_full_disk_is_told_in_the_databases_words(fresh: Running, engine: Engine, schema: str) -> None:
    async with connected(engine, schema) as con:
        await con.execute(FULL)
        post = asyncio.create_task(fresh.http.post("/readings", json={"plan": 1}, headers={"Idempotency-Key": "one"}))
        body = await not_ready(fresh, "disk")
        assert body["detail"] == (
            "The disk of the database is full: "
            'could not extend file "base/5/17339": No space left on device. Check free disk space.'
        )
        refused = await fresh.http.post("/readings", json={"plan": 2})
        assert (refused.status_code, refused.json()["detail"]) == (503, body["detail"])
        await con.execute("drop trigger no_room on batch")
    assert (await post).json() == {"written": 1, "duplicate": False}
    await ready(fresh)


@pytest.mark.parametrize("at", ["statements", "rows"])
async def test_one_that_stands_still_in_a_transaction_is_cut_off_soon(
    fresh: Running, engine: Engine, schema: str, at: str
) -> None:
    """A service that was frozen holds the ids that it is writing and the minutes that it has marked, so that nobody
    else can write these: between two statements, or while it writes rows."""
    if engine.server.embedded:
        pytest.skip("the embedded engine has a single session")
    minute = int(time.time()) // 60 - 60
    async with connected(engine, schema) as frozen:
        await frozen.execute("set application_name = 'taktline'")
        await frozen.execute(query("begin_writing"))
        await frozen.execute(query("insert_batches"), ["again"], [b""], [1], uuid.uuid4(), 1)
        if engine.server.edition == "community":
            await frozen.execute(query("mark_late"), [minute])
        async with copying(frozen, schema) if at == "rows" else nullcontext():
            began = time.monotonic()
            posts = [
                fresh.http.post("/readings", json={"ts": 60 * minute, "plan": 1}, headers=headers, timeout=60)
                for headers in ({}, {"Idempotency-Key": "again"})
            ]
            for answer in await asyncio.gather(*posts):
                assert answer.json() == {"written": 1, "duplicate": False}
            assert 5 < time.monotonic() - began < 25


@asynccontextmanager
async def copying(con: "asyncpg.Connection[asyncpg.Record]", schema: str) -> AsyncIterator[None]:
    """While a connection is in a COPY to whose rows it never comes."""
    begun = asyncio.Event()

    async def rows() -> AsyncIterator[bytes]:
        begun.set()
        await asyncio.Event().wait()
        yield b""

    # when the connection is cut, asyncpg tells the loop, which fails the test
    loop = asyncio.get_running_loop()
    usual = loop.get_exception_handler()
    loop.set_exception_handler(lambda *_: None)
    task = asyncio.create_task(con.copy_to_table("reading", schema_name=schema, columns=COLUMNS, source=rows()))
    try:
        await begun.wait()
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        loop.set_exception_handler(usual)


async def test_a_server_that_answers_nothing_any_more(engine: Engine, schema: str) -> None:
    """It accepts connections, as a stopped process or a pooler without a server does."""
    async with proxied(engine) as (between, url):
        hang_after_login(between)
        began = time.monotonic()
        with pytest.raises(DatabaseAway, match="accepts connections, but doesn't answer"):
            await inspect(url, 0.5)
        assert time.monotonic() - began < 5


def hang_after_login(between: Proxy) -> None:
    """Let connections log in, and hold back the answers to whatever they ask."""

    def tamper(way: Way, chunk: bytes) -> None:
        if way is Way.IN and b"server_version" in chunk:
            between.stall()

    between.tamper = tamper
