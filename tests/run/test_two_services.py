"""Two services on one database, as behind a proxy that sends a client now here and now there: what one of them is told,
the other knows."""

import asyncio
import json
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from statistics import median
from typing import Any

import pytest
import structlog
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from service.access.grants import Scope
from tests.conftest import Engine, settings_for
from tests.database import connected
from tests.harness import Running, ask, running
from tests.keyrings import add_key, bearer, revoke_key
from tests.processes import serving

pytestmark = pytest.mark.anyio

LEADER = """
    select pid
    from pg_locks
    where locktype = 'advisory' and granted
      and (classid::bigint << 32 | objid::bigint) =
        hashtextextended('taktline lead ' || current_setting('search_path'), 0)
"""
Two = tuple[Running, Running]

log = structlog.stdlib.get_logger("two services")


@pytest.fixture(autouse=True)
def _several(engine: Engine) -> None:
    if engine.server.embedded:
        pytest.skip("the embedded engine has a single service")


@pytest.fixture
async def two(engine: Engine, schema: str) -> AsyncIterator[Two]:
    settings = settings_for(engine, schema)
    async with running(settings) as one, running(settings) as other:
        yield one, other


@asynccontextmanager
async def watching(service: Running, **params: str) -> AsyncIterator[ClientConnection]:
    """A viewer of the live page, who has seen what is there."""
    asked = "&".join(f"{name}={value}" for name, value in params.items())
    async with connect(f"{service.ws}live?{asked}", max_size=None) as socket:
        await showing(socket, '"empty"')
        yield socket


async def showing(socket: ClientConnection, text: str) -> Any:
    """What a viewer is sent once this text is in it."""
    async with asyncio.timeout(20):
        while True:
            said = str(await socket.recv())
            if text in said:
                return json.loads(said.partition("data: ")[2])


async def answering(service: Running, status: int, headers: dict[str, str]) -> None:
    """Wait until a request with these headers is answered with this status."""
    async with asyncio.timeout(20):
        while True:
            if (await service.http.get("/display", headers=headers)).status_code == status:
                return
            await asyncio.sleep(0.05)


async def test_a_retry_at_the_other_is_a_duplicate(two: Two, name: str) -> None:
    one, other = two
    readings = [{"series": name, "plan": 1}, {"series": name, "plan": 2}]
    for first, second in ((one, other), (other, one)):
        key = {"Idempotency-Key": f"{name} {first.url}"}
        sent = await first.http.post("/readings", json=readings, headers=key)
        again = await second.http.post("/readings", json=readings, headers=key)
        assert sent.json() == {"written": 2, "duplicate": False}
        assert again.json() == {"written": 0, "duplicate": True}
        async with connect(second.ws) as socket:
            frame = {"id": key["Idempotency-Key"], "readings": readings}
            assert await ask(socket, frame) == {"ack": key["Idempotency-Key"], "duplicate": True}
        changed = await second.http.post("/readings", json=readings[:1], headers=key)
        assert changed.status_code == 422
    for service in two:
        assert (await service.http.get("/display", params={"series": name})).json()["total"] == 4


async def test_a_key_is_known_and_forgotten_at_the_other(two: Two, name: str) -> None:
    one, other = two
    key = await add_key(one, name, Scope.READ)

    await answering(other, 200, bearer(key))
    await answering(other, 401, {})  # the first key has closed it there as well
    async with connect(f"{other.ws}live", additional_headers=bearer(key)) as socket:
        await revoke_key(one, name)
        await answering(other, 401, bearer(key))
        with pytest.raises(ConnectionClosed, match="The key was revoked"):  # and whoever looks on there is let go
            async with asyncio.timeout(20):
                async for _ in socket:
                    pass


async def test_a_correction_is_on_the_chart_and_the_live_page_of_the_other(two: Two, name: str) -> None:
    one, other = two
    at = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=10)
    reading = {"ts": at.isoformat(), "series": name, "plan": 4000, "fact": 3}
    await one.http.post("/readings", json=reading)
    asked = {"series": name, "format": "json", "from": "-1h"}
    async with watching(other, series=name) as socket:
        for plan, here, there in ((5001, one, other), (6002, other, one)):
            there_before = (await there.http.get("/chart", params=asked)).headers["etag"]
            where = {"series": name, "from": at.isoformat(), "until": (at + timedelta(minutes=1)).isoformat()}
            done = await here.http.put("/readings", params=where, json={**reading, "plan": plan})
            assert done.status_code == 200, done.text
            chart = await there.http.get("/chart", params=asked, headers={"If-None-Match": there_before})
            assert [bucket["plan"] for bucket in chart.json()["buckets"]] == [plan]
            assert str(plan) in json.dumps(await showing(socket, str(plan)))


async def test_what_is_written_at_one_is_seen_on_the_live_page_of_the_other(two: Two) -> None:
    """In order, and nothing twice. How long it takes is logged, since this machine may be busy."""
    one, other = two
    passed = []
    async with watching(other, period="1h") as socket:
        for number in range(1, 13):
            await one.http.post("/readings", json={"series": f"s{number}", "plan": 1000})
            acknowledged = time.monotonic()
            data = await showing(socket, f"s{number}<")
            passed.append(time.monotonic() - acknowledged)
            assert f"s{number + 1}<" not in data["records"]
            assert data["records"].count(f"s{number}<") == 1
    log.info("seen at the other", median=f"{median(passed):.2f} s", slowest=f"{max(passed):.2f} s")
    assert (await other.http.get("/display")).json()["total"] == 12


@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "frozen"])
async def test_there_is_one_leader_and_another_when_it_is_gone(
    engine: Engine, schema: str, how: signal.Signals
) -> None:
    async with serving(engine, schema) as (first, _), connected(engine, schema) as con:
        before = await _leader(con, None)
        async with serving(engine, schema):
            assert [row["pid"] for row in await con.fetch(LEADER)] == [before]
            first.send_signal(how)
            began = time.monotonic()
            after = await _leader(con, before)
            log.info("the lead was taken over", after=f"{time.monotonic() - began:.1f} s")
            assert [row["pid"] for row in await con.fetch(LEADER)] == [after]


async def _leader(con: Any, before: int | None) -> int:
    """The session that leads, once that isn't this one any more."""
    async with asyncio.timeout(120):
        while True:
            leading: list[int] = [row["pid"] for row in await con.fetch(LEADER)]
            if leading and leading != [before]:
                return leading[0]
            await asyncio.sleep(0.1)
