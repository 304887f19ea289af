"""What is older than readings are kept: how it is refused, and what pages and charts say of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from websockets.asyncio.client import connect

from service.errors import StartError
from service.period.selection import ALL_SERIES
from tests.conftest import Engine, dropped_schema, settings_for
from tests.harness import Running, ask, counted, free_port, running, stored

pytestmark = pytest.mark.anyio

NOW = datetime.now(UTC).replace(second=0, microsecond=0)
DAYS = (100, 60, 50, 20, 1)
OLD, BEYOND = NOW - timedelta(days=60), NOW - timedelta(days=3000)


@pytest.fixture(scope="module")
async def kept(engine: Engine) -> AsyncIterator[Running]:
    """A service that keeps readings for 40 days, with some that are older, which are gone by now."""
    if engine.server.edition == "apache":
        pytest.skip("the Apache edition refuses it: test_the_apache_edition_says_why")
    async with dropped_schema(engine) as schema:
        settings = settings_for(
            engine,
            schema,
            retention_readings="40d",
            tcp_port=free_port(),
            api_host="127.0.0.1",
            min_ts="2020-01-01T00:00:00Z",
        )
        async with running(settings) as service:
            rows = [{"ts": text(NOW - timedelta(days=days)), "plan": 10, "fact": days} for days in DAYS]
            assert (await service.http.post("/readings", json=rows)).status_code == 200
            await service.parts.store.retention.keep_to(settings.lifetimes)
            assert service.parts.store.retention.kept.readings is not None
            yield service


def text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def since(service: Running) -> str:
    found = service.parts.store.retention.kept.readings
    assert found is not None
    return text(found)


def behind(service: Running) -> str:
    return (
        f"is before {since(service)}, from when on readings are kept (RETENTION_READINGS); "
        "of what is older, nothing can be changed"
    )


BODIES = {
    "application/json": lambda at: json.dumps([{"fact": 1}, {"ts": at, "fact": 1}]),
    "application/x-ndjson": lambda at: f'{{"fact": 1}}\n{{"ts": "{at}", "fact": 1}}',
    "text/csv": lambda at: f"ts,fact,for\n,1,\n{at},1,1d\n",
}


@pytest.mark.parametrize("kind", BODIES)
async def test_every_format_names_the_reading_the_time_and_the_setting(kept: Running, kind: str, name: str) -> None:
    """Nothing is taken of a batch with such a reading."""
    before = await counted(kept, "/readings", "invalid")
    for moment in (OLD, NOW - timedelta(days=48)):
        answer = await kept.http.post("/readings", content=BODIES[kind](text(moment)), headers={"Content-Type": kind})
        assert answer.status_code == 422
        assert answer.json()["errors"] == [{"index": 1, "field": "ts", "detail": behind(kept)}]
    assert await counted(kept, "/readings", "invalid") == before + 2
    beyond = await kept.http.post("/readings", json={"ts": text(BEYOND), "fact": 1})
    assert "is before 2020-01-01T00:00:00Z" in beyond.json()["detail"]
    assert (await kept.http.get("/display")).json()["total"] == 2


async def test_so_do_sockets_and_line_protocol(kept: Running) -> None:
    reading = {"ts": text(OLD), "fact": 1}
    async with connect(kept.ws) as socket:
        refused = await ask(socket, {"id": "x", "readings": [reading]})
        assert refused["id"] == "x"
        assert refused["error"]["errors"] == [{"index": 0, "field": "ts", "detail": behind(kept)}]
        await socket.send(msgspec.msgpack.encode({"id": "y", "readings": [reading]}))
        answered = json.loads(await socket.recv())
        assert answered["error"]["errors"] == refused["error"]["errors"]
    line = f"m fact=1 {int(OLD.timestamp() * 1e9)}"
    answer = await kept.http.post("/api/v2/write", content=line)
    assert answer.status_code in (400, 422)
    assert behind(kept) in answer.text
    before = await counted(kept, "tcp", "invalid")
    _, writer = await asyncio.open_connection("127.0.0.1", kept.parts.settings.tcp_port)
    writer.write(json.dumps(reading).encode())
    writer.close()
    async with asyncio.timeout(10):
        while await counted(kept, "tcp", "invalid") == before:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert (await kept.http.get("/display")).json()["total"] == 2


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
async def test_corrections_reach_no_further_back(kept: Running, method: str) -> None:
    """Those of a range that begins before it are refused as a whole."""
    headers, body = {"Content-Type": "application/json"}, b"[]" if method == "PUT" else b""
    for start, status in ((text(OLD), 422), (since(kept), 200)):
        asked = {"series": "nobody", "from": start, "until": text(NOW)}
        answer = await kept.http.request(method, "/readings", params=asked, content=body, headers=headers)
        assert answer.status_code == status, answer.text
        if status == 422:
            assert answer.json()["errors"] == [{"index": 0, "field": "from", "detail": behind(kept)}]


async def test_pages_say_from_when_on_records_are_kept(kept: Running) -> None:
    html = {"Accept": "text/html"}
    page = await kept.http.get("/display")
    assert (page.json()["total"], page.headers["X-Kept-From"]) == (2, since(kept))
    said = f"Records before {since(kept)[:10]} 00:00:00 are kept as minutes only"
    assert said in (await kept.http.get("/display", headers=html)).text
    behind = {"until": since(kept)}
    gone = await kept.http.get("/display", params=behind, headers=html)
    assert said in gone.text
    assert "Show the chart" in gone.text
    recent = await kept.http.get("/display", params={"from": since(kept)}, headers=html)
    assert "kept as minutes only" not in recent.text
    assert "X-Kept-From" not in recent.headers
    other = await kept.http.get("/display", params={"series": "other"}, headers=html)
    assert "kept as minutes only" not in other.text
    assert (await kept.http.get("/display", params={"page": 2})).status_code == 404


async def test_exports_are_of_what_is_kept(kept: Running) -> None:
    for form in ("ndjson", "csv"):
        answer = await kept.http.get("/readings", params={"format": form})
        assert answer.headers["X-Kept-From"] == since(kept)
        assert len(answer.text.split()) == 2 + (form == "csv")
    assert "X-Kept-From" not in (await kept.http.get("/readings", params={"from": since(kept)})).headers


async def test_charts_have_all_and_say_so(kept: Running) -> None:
    """Also those of the last value, which has no reading behind it any more."""
    for agg in ("sum", "last"):
        asked = {"from": "now-110d", "until": "now", "step": "1d", "agg": agg, "format": "json"}
        answer = await kept.http.get("/chart", params=asked)
        assert [bucket["fact"] for bucket in answer.json()["buckets"]] == list(DAYS)
        assert answer.json()["kept_from"] == answer.headers["X-Kept-From"] == since(kept)
    minutes = {"from": text(OLD), "until": text(OLD + timedelta(hours=1)), "step": "1m"}
    found = await kept.http.get("/chart", params={**minutes, "format": "json"})
    assert [bucket["fact"] for bucket in found.json()["buckets"]] == [60]
    assert found.headers["X-Data-Until"] == text(OLD + timedelta(minutes=1))
    picture = await kept.http.get("/chart", params={**minutes, "format": "svg"})
    assert f"before {since(kept)[:10]} 00:00 kept as minutes only" in picture.text
    recent = await kept.http.get("/chart", params={"from": since(kept), "format": "json"})
    assert "kept_from" not in recent.json()
    assert "X-Kept-From" not in recent.headers


async def test_the_live_page_says_so(kept: Running) -> None:
    page = await kept.http.get(
        "/",
        params={"from": text(OLD), "until": text(OLD + timedelta(days=1))},
        headers={"Accept": "text/html"},
    )
    assert "kept as minutes only" in page.text
    assert "How to send" not in page.text
    board = await kept.http.get("/board", params={"from": text(OLD), "until": text(OLD + timedelta(hours=1))})
    assert sum(row["fact"] or 0 for row in board.json()["rows"]) == 60


@pytest.fixture(scope="module")
async def thinned(engine: Engine) -> AsyncIterator[Running]:
    """A service that keeps hours longer than quarters, these longer than minutes, and all less long than days."""
    if engine.server.edition == "apache":
        pytest.skip("the Apache edition refuses it: test_the_apache_edition_says_why")
    lifetimes = {"readings": "31d", "minute": "60d", "quarter": "100d", "hour": "380d", "day": "9000d"}
    given = {f"retention_{name}": value for name, value in lifetimes.items()}
    async with dropped_schema(engine) as schema, running(settings_for(engine, schema, **given)) as service:
        rows = [
            {"ts": text(NOW - timedelta(days=days, minutes=minute)), "plan": 10, "fact": days}
            for days in AGES.values()
            for minute in (0, 1)
        ]
        assert (await service.http.post("/readings", json=rows)).status_code == 200
        retention = service.parts.store.retention
        retention.notice = timedelta()
        for _ in range(2):
            await retention.keep_to(service.parts.settings.lifetimes)
        assert retention.kept.hours
        yield service


AGES = {"minute": 50, "quarter": 95, "hour": 330, "day": 1200, "now": 0}
"""So old are readings of which nothing finer is kept."""


def around(age: int) -> dict[str, str]:
    middle = NOW - timedelta(days=age)
    return {"from": text(middle - timedelta(hours=3)), "until": text(middle + timedelta(hours=3))}


@pytest.mark.parametrize(
    ("age", "step", "zone", "drawn"),
    [
        ("minute", "1m", "Asia/Kolkata", ("1m", "Asia/Kolkata")),
        ("quarter", "1m", "Asia/Kolkata", ("15m", "Asia/Kolkata")),
        ("quarter", "5m", "UTC", ("15m", "UTC")),
        ("quarter", "30m", "UTC", ("30m", "UTC")),
        ("hour", "1m", "Europe/Berlin", ("1h", "Europe/Berlin")),
        ("hour", "1d", "Europe/Berlin", ("1d", "Europe/Berlin")),
        ("hour", "15m", "Asia/Kolkata", ("1h", "UTC")),
        ("day", "1m", "Europe/Berlin", ("1d", "UTC")),
        ("day", "1M", "Europe/Berlin", ("1M", "UTC")),
    ],
)
async def test_steps_are_as_fine_as_what_is_kept(
    thinned: Running, age: str, step: str, zone: str, drawn: tuple[str, str]
) -> None:
    """A chart is of the same readings, whatever became of its steps, for one series and for all together."""
    for series in ([], ["default"]):
        asked = {**around(AGES[age]), "step": step, "tz": zone, "format": "json", "series": series}
        answer = await thinned.http.get("/chart", params=asked)
        found = answer.json()
        assert (found["step"], found["tz"]) == drawn
        assert found.get("kept_as") == (age if drawn != (step, zone) else None)
        assert sum(bucket["fact"] for bucket in found["buckets"]) == 2 * AGES[age]
    picture = await thinned.http.get("/chart", params={**asked, "step": "1h", "format": "svg"})
    assert picture.status_code == 200
    if age == "day":
        assert "kept as days (UTC) only" in picture.text


async def test_a_period_is_shown_in_the_coarsest_steps_it_needs(thinned: Running) -> None:
    asked = {"from": "now-1300d", "until": "now+1m", "format": "json", "tz": "Europe/Berlin", "step": "1w"}
    found = (await thinned.http.get("/chart", params={**asked, "plan": "fact-7d"})).json()
    assert (found["step"], found["tz"], found["kept_as"]) == ("1w", "UTC", "day")
    assert sum(bucket["fact"] or 0 for bucket in found["buckets"]) == 2 * sum(AGES.values())
    recent = (await thinned.http.get("/chart", params={"from": "-1d", "step": "1m", "format": "json"})).json()
    assert "kept_as" not in recent


async def test_what_cant_be_told_any_more_is_refused(thinned: Running) -> None:
    """What needs minutes, or other steps than are kept, says from when on it could be shown."""
    quarters, hours = around(AGES["quarter"]), around(AGES["hour"])
    said = "kept as quarters of an hour only; give a later one, or longer steps"
    for path, asked in (
        ("/chart", {**quarters, "agg": "increase"}),
        ("/chart", {"from": "now-1300d", "step": "1w", "cumulative": "period"}),
        ("/check", {**quarters, "behind": "1"}),
        ("/board", {**hours, "step": "15m"}),
    ):
        answer = await thinned.http.get(path, params={**asked, "format": "json"} if path != "/check" else asked)
        assert answer.status_code == 400, (path, answer.text)
        assert "only; give a later one, or longer steps" in answer.json()["detail"]
    assert said in (await thinned.http.get("/check", params={**quarters, "behind": "1"})).json()["detail"]
    for asked in ({**quarters, "step": "15m"}, {**hours, "step": "1h"}):
        rows = (await thinned.http.get("/board", params=asked)).json()["rows"]
        assert sum(row["fact"] or 0 for row in rows) == 2 * AGES["quarter" if asked["step"] == "15m" else "hour"]


async def test_the_live_page_of_a_time_without_minutes(thinned: Running) -> None:
    """The totals are those of what is kept, and there is no worst minute."""
    for age in ("quarter", "hour", "day"):
        page = await thinned.http.get("/", params=around(AGES[age]), headers={"Accept": "text/html"})
        assert page.status_code == 200
        assert f">{2 * AGES[age]:,}<" in page.text.replace("\u202f", ",") or str(2 * AGES[age]) in page.text
        assert "kept as minutes only" in page.text


async def test_a_service_whose_readings_are_all_gone_isnt_empty(engine: Engine, schema: str) -> None:
    if engine.server.edition == "apache":
        pytest.skip("the Apache edition refuses it")
    async with running(settings_for(engine, schema, retention_readings="40d")) as service:
        await service.http.post("/readings", json={"ts": text(OLD), "fact": 1})
        await service.parts.store.retention.keep_to(service.parts.settings.lifetimes)
        assert await service.parts.store.overview.has_readings(None)
        assert await stored(service, "default", 0) == []
        newest = await service.parts.store.facts.newest_of_all(ALL_SERIES)
        assert newest == OLD


async def test_the_apache_edition_says_why(engine: Engine, schema: str) -> None:
    if engine.server.edition != "apache":
        pytest.skip("the community edition keeps rollups")
    with pytest.raises(StartError, match="its rollups are views of the readings, and would go with them"):
        async with running(settings_for(engine, schema, retention_readings="40d")):
            pass
