"""The live page and its events, as clients see them."""

import asyncio
import json
import re
import statistics
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from service.charts.question import Appearance
from service.live.page_source import StoreSource
from service.live.spans import asked_for
from service.live.view import View
from service.live.view_reader import ViewReader
from service.period.ends import Asked
from service.period.selection import SeriesFilter
from service.period.shifts import NO_SHIFTS, Shifts
from service.run.demo import SAMPLE
from service.web.assets import WEB
from service.web.pages import templates
from tests.conftest import Engine, settings_for
from tests.harness import Running, running

pytestmark = pytest.mark.anyio
HTML = {"Accept": "text/html"}
Event = tuple[str, Any]


@asynccontextmanager
async def events(service: Running, **params: object) -> AsyncIterator[AsyncIterator[Event]]:
    """The events that a viewer is sent."""
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
        elif key == "data" and name not in ("beat", "time"):
            yield name, json.loads(value)


async def following(stream: AsyncIterator[Event], seconds: float = 10) -> Event:
    return await asyncio.wait_for(anext(stream), seconds)


async def test_a_reading_moves_the_page_within_a_second(fresh: Running) -> None:
    """A second may pass from the acknowledgement to the event, which has the records and the bars that changed."""
    async with events(fresh, period="1h") as stream:
        name, whole = await following(stream)
        assert (name, whole["empty"], whole["bars"]) == ("whole", True, [])
        late = []
        ready = {"ts": time.time(), "plan": 40, "fact": 38}  # of one minute, whichever it is when they are written
        for number in range(1, 8):
            await fresh.http.post("/readings", json={**ready, "series": f"s{number}"})
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
    """Its plan is due then, and missed where there is no fact, although nothing was written; this holds for steps of
    any length."""
    minute = int(time.time() // 60) * 60
    plans = [{"ts": minute + 60 * number, "plan": 10, "series": name} for number in range(-3, 3)]
    await fresh.http.post("/readings", json=plans)
    snapshot = await fresh.parts.feed.page(View(asked_for("7d"), SeriesFilter((name,)), "UTC", 1080), "")
    over = int((snapshot.expires - minute) // 60) - 1  # a minute may have ended meanwhile
    assert over in (0, 1)
    assert f">{30 + 10 * over}<" in snapshot.content.totals
    assert "0.0 %" in snapshot.content.totals
    assert f">until {time.strftime('%H:%M', time.gmtime(snapshot.expires - 60))}<" in snapshot.content.totals


class Clock(datetime):
    """A clock that shows what it was set to."""

    shown = datetime(2026, 11, 24, tzinfo=UTC)

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> "Clock":
        return cls.fromtimestamp(cls.shown.timestamp(), UTC)


async def test_a_view_of_the_running_shift_moves_on_when_the_next_one_begins(
    fresh: Running, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plans = [{"ts": f"2026-11-24T{hour:02}:00:00Z", "plan": hour, "series": name} for hour in range(6, 22)]
    await fresh.http.post("/readings", json=[*plans, {**plans[0], "fact": 5}])
    shifts = Shifts.read("early 06:00-14:00; late 14:00-22:00", "UTC")
    reader = ViewReader(StoreSource(fresh.parts.store), fresh.parts.charts, templates, Appearance("%H:%M"), shifts)
    monkeypatch.setattr("service.live.view_reader.datetime", Clock)
    view = View(asked_for("shift"), SeriesFilter((name,)), "UTC", 1080)
    Clock.shown = datetime(2026, 11, 24, 13, 59, 30, tzinfo=UTC)
    early = await reader.take(view, None)
    assert (early.content.start, early.content.until) == ("2026-11-24 06:00", "2026-11-24 14:00")
    assert b"early shift of 2026-11-24" in bytes(early.content.specs)
    assert early.content.patience is not None
    Clock.shown = datetime.fromtimestamp(early.expires, UTC)
    late = await reader.take(view, early)
    assert (late.content.start, late.content.until) == ("2026-11-24 14:00", "2026-11-24 22:00")
    assert b"late shift of 2026-11-24" in bytes(late.content.specs)
    assert late.change is None  # everything is new
    # plans of later on are in the chart, but aren't the newest records
    assert len(late.steps) == 8
    assert late.content.records.count("<tr") == 1
    last = await reader.take(View(asked_for("last-shift"), view.series, "UTC", 1080), None)
    assert (last.content.start, last.content.until, last.content.patience) == (
        "2026-11-24 06:00",
        "2026-11-24 14:00",
        None,
    )
    assert last.content.newest == datetime(2026, 11, 24, 6, tzinfo=UTC).timestamp()


async def test_running_totals_come_with_each_change(fresh: Running, name: str) -> None:
    """The lines move without another specification, and the totals are those of what the chart shows."""
    minute = int(time.time() // 60) * 60
    readings = [{"ts": minute - 60 * number, "plan": 10, "fact": 10, "series": name} for number in range(1, 30)]
    await fresh.http.post("/readings", json=readings)
    async with events(fresh, series=name, period="24h", cumulative="period", style="target") as stream:
        event, whole = await following(stream)
        assert event == "whole"
        assert b'"totals"' not in json.dumps(whole["specs"]["light"]["datasets"]).encode()
        assert [row["said"] for row in whole["lines"] if "said" in row] == ["on plan"]
        froms = [bar["from"] for bar in whole["bars"]]
        assert len(set(froms)) == len(froms)  # by which browsers know them
        await fresh.http.post("/readings", json={"ts": minute - 300, "fact": -3, "series": name})
        while True:
            event, data = await following(stream)
            if [row["said"] for row in data["lines"] if "said" in row] == ["3 behind"]:
                break


@pytest.mark.parametrize(
    ("asked", "plan", "fact"),
    [({"plan": "fact-1d"}, "80", "76"), ({"agg": "increase"}, "80", "79"), ({"hours": "00:00-24:00"}, "80", "76")],
)
async def test_the_totals_are_those_of_the_chart(
    fresh: Running, name: str, asked: dict[str, str], plan: str, fact: str
) -> None:
    """Of the minutes that are over: of yesterday's facts, of what counters rose by (from 40 to 119), of some hours."""
    minute = int(time.time() // 60) * 60
    facts = [{"ts": minute - 60 * number, "plan": 40, "fact": 38, "series": name} for number in (10, 11)]
    if "agg" in asked:
        for one, count in zip(reversed(facts), (100, 119), strict=True):
            one["fact"] = count
    before = [{"ts": minute - 86400 - 60 * number, "fact": 40, "series": name} for number in (10, 11)]
    await fresh.http.post("/readings", json=[*facts, *before, {"ts": minute, "fact": 1000, "series": name}])
    async with events(fresh, series=name, period="1h", **asked) as stream:
        totals = (await following(stream))[1]["totals"]
    assert f"<dd>{plan}</dd>" in totals
    assert f"<dd>{fact}</dd>" in totals


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


async def test_a_socket_has_the_same_events(fresh: Running) -> None:
    """Each frame is an event. What can't be shown is refused with the same problem as over HTTP."""
    async with connect(f"{fresh.ws}live?period=1h&tz=asia/kolkata&width=900") as socket:
        assert str(await socket.recv()).startswith("event: time\ndata: 1")
        name, whole = await framed(socket)
        assert (name, whole["empty"], whole["zone"]) == ("whole", True, "Asia/Kolkata")
        await socket.send("nobody reads this")
        over = time.time() - 120  # totals only count minutes that are over
        await fresh.http.post("/readings", json={"ts": over, "plan": 40, "fact": 38})
        assert ">40<" in (await framed(socket))[1]["totals"]
        await fresh.parts.feed.stop()
        with pytest.raises(ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
    for query in ("tz=Mars", "period=2h", "width=x", "from=soon", ""):
        answer = await fresh.http.get(f"/live?{query}")
        async with connect(f"{fresh.ws}live?{query}") as socket:
            name, told = await framed(socket)
            assert (name, told["status"], told["detail"]) == ("refused", answer.status_code, answer.json()["detail"])
            with pytest.raises(ConnectionClosed):
                await socket.recv()
    assert answer.status_code == 503
    assert "shutting down" in answer.text


async def framed(socket: ClientConnection) -> Event:
    async with asyncio.timeout(10):
        name, data = str(await socket.recv()).split("\n")[:2]
    return name.removeprefix("event: "), json.loads(data.removeprefix("data: "))


async def test_pages_of_other_sites_may_not_watch(fresh: Running) -> None:
    """Browsers let any page connect to any WebSocket and read what it sends."""
    async with connect(f"{fresh.ws}live", origin=Origin(fresh.url)) as socket:
        await socket.recv()
    with pytest.raises(InvalidStatus, match="403"):
        async with connect(f"{fresh.ws}live", origin=Origin("http://elsewhere.example")):
            pass


async def test_viewers_by_socket_are_counted_until_they_go(fresh: Running) -> None:
    def viewers() -> float | None:
        return fresh.parts.metrics.registry.get_sample_value("taktline_viewers")

    async with connect(f"{fresh.ws}live") as one, connect(f"{fresh.ws}live") as other:
        for socket in (one, other):
            await socket.recv()
            await framed(socket)
        assert viewers() == 2
    for _ in range(500):
        if not viewers():
            break
        await asyncio.sleep(0.01)
    assert viewers() == 0


async def test_which_series_there_are(fresh: Running) -> None:
    assert (await fresh.http.get("/live/series")).json() == {"series": []}
    await fresh.http.post("/readings", json=[{"plan": 1, "series": f"s{number:04}"} for number in range(1000)])
    fresh.parts.store.series.fresh_for = 0
    found = (await fresh.http.get("/live/series")).json()["series"]
    assert (len(found), found[0], found[-1]) == (1000, "s0000", "s0999")


async def test_freshness_follows_the_facts(fresh: Running) -> None:
    """It follows the facts of the series that are shown, and the usual gaps between them."""
    now = time.time()
    facts = {"often": (300, 10, 40), "hourly": (1800, 3600, 6), "once": (72_000, 0, 1)}
    readings = [
        {"ts": now - age - number * every, "fact": 1, "series": name}
        for name, (age, every, count) in facts.items()
        for number in range(count)
    ]
    plans = [
        {"ts": now + 60 * number, "plan": 1, "series": name} for name in [*facts, "plan"] for number in range(-9, 9)
    ]
    await fresh.http.post("/readings", json=[*readings, *plans])
    for name, age, patience in (("often", 300, 180), ("hourly", 1800, 3 * 3600), ("once", 72_000, 180)):
        for period in ("1h", "7d"):
            async with events(fresh, series=name, period=period) as stream:
                data = (await following(stream))[1]
            assert data["newest"] == pytest.approx(now - age, abs=0.01)
            assert data["patience"] == pytest.approx(patience, abs=180)
    async with events(fresh, series="plan") as stream:
        assert (await following(stream))[1]["newest"] is None


async def test_a_break_is_no_silence(fresh: Running, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page waits for the next fact over breaks and over the night, and no longer."""
    made = datetime(2026, 11, 24, 9, 58, tzinfo=UTC)
    rows = [{"ts": (made - timedelta(minutes=n)).isoformat(), "fact": 1, "series": name} for n in range(60)]
    await fresh.http.post("/readings", json=rows)
    monkeypatch.setattr("service.live.view_reader.datetime", Clock)
    Clock.shown = datetime(2026, 11, 24, 10, 20, tzinfo=UTC)
    view = View(Asked("2026-11-24T06:00", "2026-11-24T14:00"), SeriesFilter((name,)), "UTC", 1080)
    ends = {
        "": datetime(2026, 11, 24, 10, 1, tzinfo=UTC),
        "early 06:00-14:00 break 10:00-10:30": datetime(2026, 11, 24, 10, 31, tzinfo=UTC),
        "early 06:00-10:00; days tue,thu": datetime(2026, 11, 26, 6, 1, tzinfo=UTC),
    }
    for shifts, overdue in ends.items():
        looks = Appearance("%H:%M")
        source = StoreSource(fresh.parts.store)
        reader = ViewReader(source, fresh.parts.charts, templates, looks, Shifts.read(shifts, "UTC"))
        found = (await reader.take(view, None)).content
        assert found.newest == made.timestamp()
        assert found.patience == (overdue - made).total_seconds(), shifts


async def test_a_view_in_which_nothing_changes_holds_until_later(
    fresh: Running, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It isn't looked at again and again from the moment on at which it expired first."""
    await fresh.http.post("/readings", json={"ts": "2026-11-24T07:00:00Z", "plan": 1, "fact": 1, "series": name})
    reader = ViewReader(StoreSource(fresh.parts.store), fresh.parts.charts, templates, Appearance("%H:%M"), NO_SHIFTS)
    monkeypatch.setattr("service.live.view_reader.datetime", Clock)
    view = View(Asked("2026-11-24T06:00", "2026-11-24T14:00"), SeriesFilter((name,)), "UTC", 1080)
    Clock.shown = datetime(2026, 11, 25, 6, 0, 30, tzinfo=UTC)
    first = await reader.take(view, None)
    Clock.shown += timedelta(minutes=1)
    again = await reader.take(view, first)
    assert again is first
    assert again.expires == datetime(2026, 11, 25, 6, 2, tzinfo=UTC).timestamp()


async def test_what_each_step_comes_to(fresh: Running) -> None:
    """It is shown in words and in the time zone of the page. A due plan without a fact is missed entirely."""
    minute = int(time.time() // 60) * 60 - 600
    await fresh.http.post(
        "/readings",
        json=[
            {"ts": minute, "plan": 0.3, "fact": 0.1},
            {"ts": minute, "fact": 0.2},
            {"ts": minute + 60, "plan": 1234.5},
            {"ts": minute + 120, "fact": 3e-7},
        ],
    )
    async with events(fresh, period="1h", tz="Asia/Kolkata") as stream:
        steps = (await following(stream))[1]["steps"]
    assert [(one["start"], one["end"]) for one in steps] == [
        (1000 * (minute + 60 * number), 1000 * (minute + 60 * number + 60)) for number in range(3)
    ]
    assert [(one["plan"], one["fact"], one["difference"], one["short"]) for one in steps] == [
        ("0.3", "0.3", "0", False),
        ("1,234.5", "–", "−1,234.5", True),
        ("–", "3e−7", "–", False),
    ]
    zone = timezone(timedelta(hours=5, minutes=30))
    when = datetime.fromtimestamp(minute, zone)
    assert steps[0]["when"] == f"{when:%a} {when.day} {when:%b}, {when:%H:%M}"


async def test_the_page_opens_on_what_the_demo_fills(shared: Running) -> None:
    """The samples begin before the period that is shown by default."""
    text = (await shared.http.get("/", headers=HTML)).text
    assert '<input type="radio" name="period" value="1h" checked>' in text
    assert SAMPLE[SAMPLE.index("--from") + 1] == "-2h"


async def test_scripts_import_scripts_that_may_be_kept_for_ever(shared: Running) -> None:
    """So a page never mixes scripts of two versions."""
    pages = [(await shared.http.get(path, headers=HTML)).text for path in ("/", "/board", "/board?view=wall")]
    waiting, seen = set(re.findall(r'<script type="module" src="/assets/([^"]+)"', "".join(pages))), set()
    while waiting:
        seen.add(name := waiting.pop())
        answer = await shared.http.get(f"/assets/{name}")
        assert "immutable" in answer.headers["cache-control"], name
        waiting |= set(re.findall(r'"\./([^"]+\.js)"', answer.text)) - seen
    assert {name.partition(".")[0] for name in seen} == {path.stem for path in WEB.glob("*.js")}


@pytest.mark.parametrize(
    "query",
    [
        "period=2h",
        "period=shift",
        "period=1h&from=-1h",
        "from=soon",
        "from=-1h&until=-2h",
        "from=-32d",
        "until=1971-01-01&from=shift",
        "tz=Mars",
        "width=0",
        "width=x",
        "since=-1h",
        "cumulative=shift",
        "plan=last-week",
        "agg=avg",
        "hours=6-22&style=lines",
        "period=1h&period=6h",
    ],
)
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
    other = settings_for(engine, fresh.parts.settings.database_schema)
    async with running(other) as replica, events(fresh, period="1h") as stream:
        await following(stream)
        await replica.http.post("/readings", json={"plan": 1, "series": "elsewhere"})
        while "elsewhere" not in (await following(stream, 5))[1]["records"]:
            pass


async def test_stopping_waits_for_no_viewer(engine: Engine, schema: str) -> None:
    async with running(settings_for(engine, schema)) as service, events(service) as stream:
        await following(stream)
        started = time.monotonic()
        service.service.lifecycle.begin()
        with pytest.raises(StopAsyncIteration):
            await following(stream)
        assert time.monotonic() - started < 3


async def test_a_viewer_that_doesnt_read_holds_nobody_up(fresh: Running) -> None:
    """Its events don't pile up in the memory of the service, and other viewers aren't delayed."""
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
