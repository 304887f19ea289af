"""The pages of a view over several sites: boards, the wall and the live page."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.harness import Running, View, free_port, viewing

pytestmark = pytest.mark.anyio

PAST = {"from": "2026-01-01T10:00Z", "until": "2026-01-01T12:00Z"}
NOTHING_WRITTEN = "Records, corrections and notes are made and kept at the sites."


async def post(service: Running, **reading: Any) -> None:
    ready = {"ts": "2026-01-01T10:05:00Z", "series": "line 1", **reading}
    assert (await service.http.post("/readings", json=ready)).status_code == 200


def nowhere() -> str:
    return f"http://127.0.0.1:{free_port()}"


async def page(viewed: View, path: str, **params: Any) -> str:
    answer = await viewed.http.get(path, params=params, headers={"Accept": "text/html"})
    assert answer.status_code == 200, answer.text
    return answer.text


def watching(view: View, query: str) -> connect:
    return connect(f"{view.url.replace('http', 'ws', 1)}/live?{query}")


async def until_told(socket: ClientConnection, told: str) -> str:
    """The first event that says something."""
    async with asyncio.timeout(20):
        while told not in (text := str(await socket.recv())):
            pass
    return text


async def test_a_board_names_the_site_that_is_away(fresh: Running) -> None:
    await post(fresh, plan=8, fact=3)
    async with viewing({"berlin": fresh.url, "ulm": nowhere()}) as view:
        answer = await view.http.get("/board", params={**PAST, "format": "json"})
        assert answer.json()["sites_away"] == ["ulm"]
        assert answer.headers["x-sites-away"] == "ulm"
        assert (answer.json()["target"], answer.json()["fact"]) == (8, 3)
        table = await view.http.get("/board", params={**PAST, "format": "csv"})
        assert table.headers["x-sites-away"] == "ulm"
        split = await view.http.get("/board", params={**PAST, "format": "json", "split": "series"})
        assert [section["series"] for section in split.json()["sections"]] == ["berlin/line 1"]
        shown = await page(view, "/board", **PAST)
        assert "ulm can't be reached." in shown
        assert "What is shown is without it." in shown
        assert NOTHING_WRITTEN in shown
        assert "/display" not in shown
        assert "board_notes" not in shown
        here = await page(view, "/board", **PAST, series="berlin/*")
        assert "ulm can't be reached" not in here


async def test_a_site_that_is_away_has_a_tile_of_its_own_on_the_wall(fresh: Running) -> None:
    await post(fresh, plan=8, fact=3)
    async with viewing({"berlin": fresh.url, "ulm": nowhere()}) as view:
        for split in ("series", "none"):
            shown = await page(view, "/board", **PAST, view="wall", split=split)
            assert 'data-count="2"' in shown
            away, other = shown.split('<section class="')[1:]
            assert away.startswith('away"><h2><bdi>ulm</bdi>')
            assert "be reached" in away
            assert other.startswith("bad")
            assert "ulm" not in other
        nothing = await page(view, "/board", **{**PAST, "from": "2026-01-01T11:00Z"}, view="wall")
        assert nothing.count("<section") == 1
        assert "no readings in this period" not in nothing


async def test_where_all_sites_are_away_a_page_says_so_and_tries_again() -> None:
    async with viewing({"ulm": nowhere()}) as view:
        for path in ("/", "/board", "/board?view=wall"):
            answer = await view.http.get(path, headers={"Accept": "text/html"})
            assert answer.status_code == 503
            assert "ulm can&#39;t be reached" in answer.text
            assert 'http-equiv="refresh"' in answer.text


async def test_what_is_written_at_a_site_comes_to_the_pages_that_are_open(fresh: Running) -> None:
    now = datetime.now(UTC) - timedelta(minutes=3)
    async with (
        viewing({"berlin": fresh.url}) as view,
        watching(view, "period=1h") as live,
        watching(view, "board=wall&from=-1h&until=now") as wall,
    ):
        await post(fresh, ts=now.isoformat(), plan=7, fact=5471)
        await until_told(live, "5,471")
        assert "berlin/line 1" in await until_told(wall, "5,471")


async def test_the_live_page(fresh: Running) -> None:
    now = datetime.now(UTC) - timedelta(minutes=3)
    await post(fresh, ts=now.isoformat(), plan=7, fact=5471)
    async with viewing({"berlin": fresh.url, "ulm": nowhere()}) as view:
        shown = await page(view, "/")
        assert "5,471" in shown
        assert '<div class="tile away"><dt><bdi>ulm</bdi></dt>' in shown
        assert NOTHING_WRITTEN in shown
        assert 'value="berlin/*"' in shown
        assert 'value="ulm/*"' in shown
        assert 'value="berlin/line 1"' in shown
        alone = await page(view, "/", series="berlin/line 1")
        assert "tile away" not in alone
        names = (await view.http.get("/live/series")).json()["series"]
        assert names == ["berlin/*", "berlin/line 1", "ulm/*"]


async def test_a_series_of_no_site_is_refused(fresh: Running) -> None:
    async with viewing({"berlin": fresh.url}) as view:
        for path in ("/", "/board", "/live"):
            answer = await view.http.get(path, params={"series": "bonn/x"}, headers={"Accept": "text/html"})
            assert answer.status_code == 400, path
            assert "is of no site here" in answer.text
        async with watching(view, "series=bonn/x") as socket:
            assert "is of no site here" in await until_told(socket, "refused")


async def test_a_series_with_the_longest_name_can_be_chosen_everywhere(fresh: Running) -> None:
    now = datetime.now(UTC) - timedelta(minutes=3)
    longest, other = 200 * "ß", 199 * "ß"
    for name, fact in ((longest, 5471), (other, 1)):
        await post(fresh, ts=now.isoformat(), series=name, plan=7, fact=fact)
    site = 40 * "s"
    chosen, span = f"{site}/{longest}", {"from": "-1h", "until": "now"}
    async with viewing({site: fresh.url}) as view:
        assert chosen in (await view.http.get("/live/series")).json()["series"]
        answer = await view.http.get("/chart", params={**span, "series": chosen, "format": "json"})
        assert [bucket["fact"] for bucket in answer.json()["buckets"]] == [5471]
        board = await view.http.get("/board", params={**span, "series": chosen, "format": "json"})
        assert board.json()["fact"] == 5471
        for path, params in (("/", {"period": "1h"}), ("/board", span), ("/board", {**span, "view": "wall"})):
            shown = await page(view, path, series=chosen, **params)
            assert "5,471" in shown
            assert "5,472" not in shown
            assert chosen in shown
        for query in ("period=1h", "board=hours&from=-1h&until=now", "board=wall&from=-1h&until=now"):
            async with watching(view, f"{query}&{urlencode({'series': chosen})}") as socket:
                assert "5,471" in await until_told(socket, "5,471")
        for path in ("/chart", "/board", "/"):
            refused = await view.http.get(path, params={"series": f"{chosen}x"}, headers={"Accept": "text/html"})
            assert refused.status_code == 400, path
            assert "1 to 241 characters" in refused.text
    async with viewing({"s": fresh.url}) as view:
        for path in ("/chart", "/board", "/"):
            refused = await view.http.get(path, params={"series": f"s/{longest}x"}, headers={"Accept": "text/html"})
            assert refused.status_code == 400, path
            assert "after s/ a name has 1 to 200 characters, as at the site, not 201" in refused.text
