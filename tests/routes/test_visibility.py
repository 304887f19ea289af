"""Who may see some series sees nothing of the others, at any address, in any format, over any transport: the answer is
what it would be if there were no others."""

import html
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect

from service.access.grants import Scope
from tests.conftest import Engine, dropped_schema, settings_for
from tests.harness import Running, counted, running
from tests.keyrings import add_key, bearer

pytestmark = pytest.mark.anyio

KEY = "tk_some"
SOME = bearer(KEY)
"""The headers of a caller who may see two of the groups of series."""
HTML = {"Accept": "text/html"}
NOW = int(time.time()) // 60 * 60
VISIBLE = [
    {"ts": NOW - 60 * ago, "series": series, "plan": 10 + ago, "fact": 9, "note": f"{series} {ago}"}
    for ago in (300, 200, 90, 50, 40, 31)
    for series in ("hall 1/a", "hall 1/b", "desk")
]
SECRET = [
    {"ts": NOW - 60 * ago - 1, "series": series, "plan": 77_777, "fact": 55_555.5, "note": "secret"}
    for ago in (60 * 24 * 40, 299, 90, 40, 31, 20, 3)
    for series in ("hall 2/secret", "hall 1", "Hall 1/a", "desk 2", "hall 1%")
]
PERIOD = f"from={NOW - 6 * 3600}&until={NOW + 3600}"
ADDRESSES = [
    *(f"/chart?{PERIOD}&format={form}" for form in ("json", "csv", "vega", "svg", "png")),
    *(f"/chart?{PERIOD}&format=json&step={step}" for step in ("1m", "5m", "15m", "1h", "6h", "1d", "1M")),
    *(f"/chart?{PERIOD}&format=json&agg={agg}" for agg in ("avg", "min", "max", "last")),
    f"/chart?{PERIOD}&format=json&split=series",
    f"/chart?{PERIOD}&format=svg&split=series",
    f"/chart?{PERIOD}&format=json&series=desk",
    f"/chart?from={NOW - 50 * 86_400}&until={NOW}&format=json&step=1d",
    "/chart?format=json",
    *("/display?" + rest for rest in ("", "per_page=4", "per_page=4&page=3", "order=asc&per_page=3", "format=csv")),
    f"/display?{PERIOD}",
    f"/display?from={NOW - 3600}&per_page=2",
    "/display?series=desk",
    "/readings",
    "/readings?format=csv",
    f"/readings?{PERIOD}&series=hall+1/a",
    "/live/series",
    "/query?q=SHOW+SERIES&db=x",
    "/query?q=SHOW+TAG+VALUES+WITH+KEY+%3D+%22series%22&db=x",
]
PAGES = [
    "/",
    "/?period=6h",
    "/?period=7d&series=desk",
    "/display",
    "/display?per_page=4&page=2",
    "/display?series=desk",
]
NAMING = [
    "/chart?format=json&",
    "/chart?format=png&",
    "/display?",
    "/readings?",
    "/live?",
    "/?",
    "/chart?split=series&",
]


@asynccontextmanager
async def serving(engine: Engine, *posts: list[dict[str, Any]]) -> AsyncIterator[Running]:
    """A service that is open, and that has a key for some series, too."""
    async with dropped_schema(engine) as schema, running(settings_for(engine, schema, anonymous="all")) as one:
        await add_key(one, "some", Scope.ADMIN, series=("hall 1/*", "desk"), key=KEY)
        for readings in posts:
            assert (await one.http.post("/readings", json=readings)).status_code == 200
        yield one


@pytest.fixture(scope="module")
async def alone(engine: Engine) -> AsyncIterator[Running]:
    """A service that has only the series that may be seen."""
    async with serving(engine, VISIBLE) as one:
        yield one


@pytest.fixture(scope="module")
async def both(engine: Engine) -> AsyncIterator[Running]:
    """A service that has others as well."""
    async with serving(engine, VISIBLE, SECRET) as one:
        yield one


async def same(both: Running, alone: Running, path: str, headers: dict[str, str]) -> tuple[httpx.Response, ...]:
    """What the two services answer, where the clock doesn't pass to another minute in between."""
    while True:
        minute = time.time() // 60
        seen = await both.http.get(path, headers={**headers, **SOME}), await alone.http.get(path, headers=headers)
        if time.time() // 60 == minute:
            return seen


def plain(service: Running, answer: httpx.Response) -> str | bytes:
    """The body without the port and the clock."""
    if not answer.headers["content-type"].startswith(("text/", "application/json")):
        return answer.content
    return answer.text.replace(service.url.rpartition("/")[2], "here")


@pytest.mark.parametrize("path", ADDRESSES)
async def test_an_answer_is_as_if_there_were_no_others(both: Running, alone: Running, path: str) -> None:
    seen, expected = await same(both, alone, path, {})
    assert seen.status_code == expected.status_code == 200
    assert plain(both, seen) == plain(alone, expected)
    for header in ("x-data-until", "x-total-count", "link", "content-disposition"):
        assert seen.headers.get(header) == expected.headers.get(header), header
    assert plain(both, await both.http.get(path)) != plain(both, seen) or "series=" in path or "query" in path


@pytest.mark.parametrize("path", PAGES)
async def test_so_is_a_page(both: Running, alone: Running, path: str) -> None:
    seen, expected = await same(both, alone, path, HTML)
    assert seen.status_code == expected.status_code == 200
    assert plain(both, seen) == plain(alone, expected)
    assert "secret" not in seen.text


async def test_so_are_pages_beside_others(both: Running, alone: Running) -> None:
    """By the links of pages, from the first to the last and back."""
    path = "/display?per_page=5"
    for rel in ("next", "next", "next", "prev", "prev", "last", "first"):
        seen, expected = await same(both, alone, path, {})
        assert seen.json() == expected.json()
        path = seen.links[rel]["url"]


async def test_metrics_count_all_series_and_so_are_refused(both: Running) -> None:
    answer = await both.http.get("/metrics", headers=SOME)
    assert answer.status_code == 403
    assert answer.json()["detail"] == "These count the readings of all series, of which this key may see some."
    for patterns in (None, ("desk", "*")):
        key = await add_key(both, f"metrics of {patterns}", Scope.READ, series=patterns)
        assert (await both.http.get("/metrics", headers=bearer(key))).status_code == 200


@pytest.mark.parametrize("period", ["1h", "6h", "7d"])
async def test_so_are_the_events_of_the_live_page(both: Running, alone: Running, period: str) -> None:
    async def first(one: Running, headers: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
        async with connect(f"{one.ws}live?period={period}", additional_headers=headers) as socket:
            texts = [str(await socket.recv()) for _ in range(2)]
        async with one.http.stream("GET", "/live", params={"period": period}, headers=headers) as answer:
            lines = answer.aiter_lines()
            while (await anext(lines)) != "event: whole":
                pass
            streamed = (await anext(lines)).removeprefix("data: ")
        return json.loads(texts[1].partition("data: ")[2]), json.loads(streamed)

    while True:
        minute = time.time() // 60
        seen, expected = await first(both, SOME), await first(alone, {})
        if time.time() // 60 == minute:
            break
    assert seen == expected


@pytest.mark.parametrize("path", NAMING)
async def test_a_series_that_may_not_be_seen_is_refused_whether_it_exists_or_not(both: Running, path: str) -> None:
    route = path.partition("?")[0]
    before = await counted(both, route, "forbidden")
    headers = HTML if route == "/" else {"Accept": "application/json"}
    for name in ("hall 2/secret", "hall 2/nothing"):
        answer = await both.http.get(f"{path}series=desk&series={name}", headers=headers | SOME)
        assert answer.status_code == 403
        assert f"series: '{name}' isn't among those that this key may see." in html.unescape(answer.text)
        assert len(answer.text.replace(name, "")) == len(answer.text) - len(name)
    assert await counted(both, route, "forbidden") == before + 2


async def test_a_live_socket_is_refused_such_a_series(both: Running) -> None:
    async with connect(f"{both.ws}live?series=hall+2/secret", additional_headers=SOME) as socket:
        told = str(await socket.recv())
    assert json.loads(told.partition("data: ")[2])["status"] == 403


async def test_what_others_write_changes_no_tag_and_wakes_no_viewer(engine: Engine) -> None:
    async with serving(engine, VISIBLE) as one, connect(f"{one.ws}live?period=6h", additional_headers=SOME) as socket:

        async def tags() -> list[tuple[int, str]]:
            paths = [path for path in ADDRESSES if path.startswith(f"/chart?{PERIOD}")]
            return [
                (seen.status_code, seen.headers["etag"])
                for path in paths
                for seen in [await one.http.get(path, headers=SOME)]
            ]

        assert "event: time" in str(await socket.recv())
        assert "event: whole" in str(await socket.recv())
        before = await tags()
        assert (await one.http.post("/readings", json=SECRET)).status_code == 200
        assert await tags() == before
        known = {**SOME, "If-None-Match": before[0][1]}
        assert (await one.http.get(ADDRESSES[0], headers=known)).status_code == 304
        assert (await one.http.get(ADDRESSES[0], headers={"If-None-Match": before[0][1]})).status_code == 200
        new = {"ts": NOW - 600, "series": "desk", "plan": 4, "fact": 4}
        assert (await one.http.post("/readings", json=new)).status_code == 200
        assert await tags() != before
        told = [str(await socket.recv())]
        while "event: beat" in told[-1]:
            told.append(str(await socket.recv()))
        assert '"plan":"4"' in told[-1]


async def test_series_that_come_later_are_seen_at_once(engine: Engine) -> None:
    async with serving(engine, SECRET) as one:
        seen = await one.http.get("/", headers=HTML | SOME)
        assert "No readings yet" in seen.text
        assert 'id="start" class="start" aria' in seen.text
        assert (await one.http.get("/", headers=HTML | SOME, params={"series": "desk"})).text.count("hidden") > 0
        assert "There are no records yet" in (await one.http.get("/display", headers=HTML | SOME)).text
        for number in range(5):
            reading = {"ts": NOW, "series": f"hall 1/{number}", "plan": 1, "fact": 1}
            assert (await one.http.post("/readings", json=reading)).status_code == 200
            chart = await one.http.get(f"/chart?{PERIOD}&format=json&split=series", headers=SOME)
            assert [bucket["series"] for bucket in chart.json()["buckets"]] == [
                f"hall 1/{each}" for each in range(number + 1)
            ]
            assert (await one.http.get("/display", headers=SOME)).json()["total"] == number + 1


async def test_callers_with_other_grants_do_not_share_what_is_kept(both: Running) -> None:
    """In every order of asking, at once and one after the other."""
    path = f"/chart?{PERIOD}&format=json&step=6h"
    sums: dict[str, float] = {}
    grants = ["hall 1/*", "hall 2/*", "desk", "desk|hall 2/*", "*", "nothing *"]
    asking = {one: bearer(await add_key(both, one, Scope.READ, series=tuple(one.split("|")))) for one in grants}
    for grant, headers in [*asking.items(), ("*", {})] * 2:
        answer = (await both.http.get(path, headers=headers)).json()
        total = sum(bucket["plan"] or 0 for bucket in answer["buckets"])
        assert sums.setdefault(grant, total) == total
    assert len(set(sums.values())) == len(sums)
    assert sums["nothing *"] == 0
    assert sums["hall 1/*"] == sum(10 + ago for ago in (300, 200, 90, 50, 40, 31)) * 2
