"""The live page and its events, from outside."""

import asyncio
import json
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from service.live import View
from tests.conftest import Engine, settings_for
from tests.harness import Running, running

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html"}
Event = tuple[str, Any]


@asynccontextmanager
async def events(service: Running, **params: object) -> AsyncIterator[AsyncIterator[Event]]:
    """What a viewer is sent."""
    asked: Any = params
    async with (
        httpx.AsyncClient(base_url=service.url, timeout=30) as http,
        http.stream("GET", "/live", params=asked) as answer,
    ):
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield read(answer)


async def read(answer: httpx.Response) -> AsyncIterator[Event]:
    name = ""
    async for line in answer.aiter_lines():
        key, _, value = line.partition(": ")
        if key == "event":
            name = value
        elif key == "data" and name != "beat":
            yield name, json.loads(value)


async def following(stream: AsyncIterator[Event], seconds: float = 10) -> Event:
    return await asyncio.wait_for(anext(stream), seconds)


async def test_a_reading_moves_the_page_within_a_second(fresh: Running) -> None:
    """From the acknowledgement to the event, with records and the bars that changed."""
    async with events(fresh, period="1h") as stream:
        name, whole = await following(stream)
        assert (name, whole["empty"], whole["bars"]) == ("whole", True, [])
        late = []
        for number in range(1, 8):
            await fresh.http.post("/readings", json={"plan": 40, "fact": 38, "series": f"s{number}"})
            acknowledged = time.monotonic()
            while True:
                name, data = await following(stream)
                if f"s{number}<" in data["records"]:
                    break
            late.append(time.monotonic() - acknowledged)
            assert not data["empty"]
            assert {bar["value"] for bar in data["bars"]} >= {40 * number, 38 * number} or name == "whole"
            await asyncio.sleep(0.15)
        assert statistics.median(late) < 1


async def test_many_writers_are_few_events(fresh: Running) -> None:
    async with events(fresh, period="1h") as stream:
        await following(stream)
        for number in range(60):
            await fresh.http.post("/readings", json={"plan": 1, "series": f"s{number}"})
        seen = 0
        while True:
            _, data = await following(stream)
            seen += 1
            if "s59<" in data["records"]:
                break
        assert seen < 30


async def test_viewers_of_one_view_share_it(fresh: Running) -> None:
    await fresh.http.post("/readings", json={"plan": 1, "series": "a"})
    async with events(fresh, series="a", width=1100) as one, events(fresh, series="a", width=1200) as other:
        assert await following(one) == await following(other)


async def test_totals_and_the_worst_minute(fresh: Running, name: str) -> None:
    minute = int(time.time() // 60) * 60 - 600
    readings = [
        {"ts": minute + 60 * number, "plan": 100, "fact": fact, "series": name}
        for number, fact in enumerate((90, 40, 110, 95))
    ]
    await fresh.http.post("/readings", json=[*readings, {"ts": minute, "plan": 7, "series": "other"}])
    async with events(fresh, series=name, period="24h") as stream:
        totals = (await following(stream))[1]["totals"]
    clock = time.strftime("%H:%M", time.gmtime(minute + 60))
    for part in (">400<", ">335<", "83.8 %", f">{clock}<", "−60", "40 of 100"):
        assert part in totals


async def test_totals_are_looked_at_again_when_the_running_minute_is_over(fresh: Running, name: str) -> None:
    """Its plan is due then, and missed where no fact came, though nothing was written; however long the steps are."""
    minute = int(time.time() // 60) * 60
    plans = [{"ts": minute + 60 * number, "plan": 10, "series": name} for number in range(-3, 3)]
    await fresh.http.post("/readings", json=plans)
    look = await fresh.context.feed.now(View("7d", (name,), "UTC", 1080))
    over = int((look.expires - minute) // 60) - 1  # a minute may have ended since
    assert over in (0, 1)
    assert f">{30 + 10 * over}<" in look.shown.totals
    assert "0.0 %" in look.shown.totals
    assert f">until {time.strftime('%H:%M', time.gmtime(look.expires - 60))}<" in look.shown.totals


async def test_the_page_itself_has_what_the_events_have(fresh: Running) -> None:
    await fresh.http.post("/readings", json={"ts": time.time() - 60, "plan": 40, "fact": 38, "series": "<b>a"})
    page = (await fresh.http.get("/?period=1h&tz=Asia/Kolkata", headers=HTML)).text
    assert "&lt;b&gt;a" in page
    assert "95.0 %" in page
    assert "+05:30" in page
    assert '<section id="start" class="start" hidden' in page


async def test_with_no_data_it_tells_how_to_send_some(fresh: Running) -> None:
    page = (await fresh.http.get("/", headers=HTML)).text
    host = fresh.url.removeprefix("http://")
    assert "No readings yet" in page
    assert f"http://{host}/readings</code>" in page
    assert '<div id="board" hidden>' in page


async def test_programs_are_told_where_things_are(shared: Running) -> None:
    assert (await shared.http.get("/")).json()["live"] == "/live"


@pytest.mark.parametrize("query", ["period=2h", "tz=Mars", "width=0", "width=x", "from=-1h", "period=1h&period=6h"])
async def test_parameters_are_read_strictly(shared: Running, query: str) -> None:
    assert (await shared.http.get(f"/live?{query}")).status_code == 400


async def test_a_late_reading_shows_at_once(fresh: Running) -> None:
    await fresh.http.post("/readings", json={"plan": 1})
    async with events(fresh, period="6h") as stream:
        await following(stream)
        await fresh.http.post("/readings", json={"ts": time.time() - 3 * 3600, "plan": 500})
        while ">500<" not in (await following(stream, 5))[1]["totals"]:
            pass


async def test_what_another_replica_writes_shows(fresh: Running, engine: Engine) -> None:
    if engine.server.embedded:
        pytest.skip("the embedded engine serves one service alone")
    other = settings_for(engine, fresh.context.engine_state()["schema"])
    async with running(other) as replica, events(fresh, period="1h") as stream:
        await following(stream)
        await replica.http.post("/readings", json={"plan": 1, "series": "elsewhere"})
        while "elsewhere" not in (await following(stream, 5))[1]["records"]:
            pass


async def test_stopping_waits_for_no_viewer(engine: Engine, schema: str) -> None:
    async with running(settings_for(engine, schema)) as service, events(service) as stream:
        await following(stream)
        started = time.monotonic()
        service.server.stop()
        with pytest.raises(StopAsyncIteration):
            await following(stream)
        assert time.monotonic() - started < 3


async def test_a_viewer_that_doesnt_read_holds_nobody_up(fresh: Running) -> None:
    """Its events pile up in no memory of ours, and the others go on."""
    host, port = fresh.url.removeprefix("http://").split(":")
    stuck = [await asyncio.open_connection(host, int(port), limit=1024) for _ in range(20)]
    for _, writer in stuck:
        writer.write(b"GET /live?period=1h HTTP/1.1\r\nHost: x\r\n\r\n")
    async with events(fresh, period="1h") as stream:
        await following(stream)
        for number in range(10):
            await fresh.http.post("/readings", json=[{"plan": 1, "series": f"s{number}", "text": "x" * 5000}])
            while f"s{number}<" not in (await following(stream, 5))[1]["records"]:
                pass
    for _, writer in stuck:
        writer.close()


async def test_the_drawing_library_is_made_once_and_kept_for_ever(shared: Running) -> None:
    page = (await shared.http.get("/", headers=HTML)).text
    address = page.split('id="vega" src="')[1].split('"')[0]
    answers = await asyncio.gather(*(shared.http.get(address) for _ in range(3)))
    assert {answer.headers["cache-control"] for answer in answers} == {"public, max-age=31536000, immutable"}
    assert "vegaEmbed" in answers[0].text
    assert len({answer.content for answer in answers}) == 1
