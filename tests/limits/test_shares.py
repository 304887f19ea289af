"""One caller that wants much, beside another, of a real service."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from service.charts.renderer import MAX_WAITING
from tests.conftest import Engine, settings_for
from tests.database import connected
from tests.harness import Running, counted, running, until

pytestmark = pytest.mark.anyio

GREEDY, OTHER = ({"X-Forwarded-For": address} for address in ("192.0.2.1", "192.0.2.2"))
"""Two callers, by what a proxy says of them."""


@asynccontextmanager
async def serving(engine: Engine, schema: str, **overrides: object) -> AsyncIterator[Running]:
    settings = settings_for(engine, schema, trusted_proxies="*", **overrides)
    async with running(settings) as service:
        yield service


async def test_a_flood_of_readings_leaves_others_room(engine: Engine, schema: str) -> None:
    async with (
        serving(engine, schema, queue_readings=400) as service,
        connected(engine, schema) as con,
        connect(service.ws, additional_headers=GREEDY) as socket,
    ):
        reading = {"series": "a", "fact": 1}
        assert (await service.http.post("/readings", json=reading)).status_code == 200  # so that the series is known
        lock = con.transaction()
        await lock.start()
        await con.execute("lock table batch, reading")
        flooding = asyncio.create_task(flood(socket, 1000, json.dumps(reading)))
        await until(lambda: service.parts.writer.waiting == 300)
        refused = await service.http.post("/readings", json=reading, headers=GREEDY)
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
        assert "of yours" in refused.json()["detail"]
        assert await counted(service, "/readings", "share") == 1
        posts = [asyncio.create_task(service.http.post("/readings", json=reading, headers=OTHER)) for _ in range(20)]
        await until(lambda: service.parts.writer.waiting == 320)
        await lock.rollback()
        assert [(await post).status_code for post in posts] == [200] * 20
        await flooding  # the socket had to wait, and nothing was lost
        await until(lambda: service.parts.writer.waiting == 0, 30)
        records = await service.http.get("/display", params={"series": "a", "format": "json"})
        assert records.json()["total"] == 1021


async def flood(socket: ClientConnection, frames: int, text: str) -> None:
    for _ in range(frames):
        await socket.send(text)
    await socket.send(json.dumps({"id": "last", "readings": []}))
    await socket.recv()


async def test_large_pictures_keep_nobody_from_an_ordinary_one(engine: Engine, schema: str) -> None:
    async with serving(engine, schema) as service, asking(service) as ask:
        answered: list[str] = []
        await ask("the first one", OTHER)
        for number in range(8):
            ask(f"large {number}", GREEDY, width=1000, height=1000).add_done_callback(
                lambda _: answered.append("large")
            )
        await until(lambda: waiting_charts(service) == 8)
        assert (await ask("ordinary", OTHER)).status_code == 200
        # one was being drawn, and the next may have begun before the ordinary one was asked for
        assert len(answered) <= 3


async def test_one_caller_may_not_have_all_places_to_wait_in(engine: Engine, schema: str) -> None:
    async with serving(engine, schema) as service, asking(service) as ask:
        asked = [ask(f"chart {number}", GREEDY) for number in range(MAX_WAITING)]
        done, _ = await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        async with asyncio.timeout(20):
            while (refused := next((one for one in done if one.result().status_code == 503), None)) is None:
                done, _ = await asyncio.wait({*asked} - done, return_when=asyncio.FIRST_COMPLETED)
        assert f"has {MAX_WAITING // 2} charts waiting already" in refused.result().headers["X-Chart-Error"]
        assert refused.result().headers["Retry-After"] == "1"
        assert await counted(service, "/chart", "share") >= 1
        assert waiting_charts(service) <= MAX_WAITING // 2
        assert (await ask("another's", OTHER)).status_code == 200


@asynccontextmanager
async def asking(service: Running) -> AsyncIterator[Callable[..., asyncio.Task[httpx.Response]]]:
    """Asks for charts. Those that aren't there at the end of the block are given up."""
    tasks: list[asyncio.Task[httpx.Response]] = []
    async with httpx.AsyncClient(base_url=service.url, timeout=120) as http:

        def ask(
            title: str, headers: dict[str, str], width: int = 400, height: int = 300
        ) -> asyncio.Task[httpx.Response]:
            asked: dict[str, str | int] = {"format": "png", "title": title, "width": width, "height": height}
            answer = http.get("/chart", params=asked, headers={**headers, "Accept": "image/png"})
            tasks.append(asyncio.create_task(answer))
            return tasks[-1]

        yield ask
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def waiting_charts(service: Running) -> float:
    return service.parts.metrics.registry.get_sample_value("taktline_waiting_charts") or 0


async def test_many_live_pages_of_one_caller_delay_no_other(engine: Engine, schema: str) -> None:
    async with serving(engine, schema) as service, AsyncExitStack() as stack:

        async def look(series: str, headers: dict[str, str]) -> ClientConnection:
            address = f"{service.ws}live?series={series}"
            return await stack.enter_async_context(connect(address, additional_headers=headers, max_size=None))

        service.parts.feed.open.limit = 120
        own = await asyncio.gather(*(look(f"own{number}", GREEDY) for number in range(61)))  # who come all at once
        first = [str(await page.recv()) for page in own]
        refused = next(text for text in first if text.startswith("event: refused"))
        assert "60 live pages of different views already, which is the share of one" in refused
        assert await counted(service, "/live", "share") == 1
        assert service.parts.feed.open.used == 60
        events = await service.http.get("/live", params={"series": "own61"}, headers=GREEDY)
        assert (events.status_code, events.headers["Retry-After"]) == (503, "1")
        other = await look("a", OTHER)
        assert "event: time" in str(await other.recv())
        assert "event: whole" in str(await other.recv())
        await service.http.post("/readings", json={"series": "a", "plan": 40, "fact": 38}, headers=OTHER)
        async with asyncio.timeout(20):
            while '"fact":"38"' not in str(await other.recv()):
                pass
        assert [page.close_code for page in own].count(None) == 60
