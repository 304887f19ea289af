"""What a view shows, and says, where sites don't answer."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx
import msgspec
import pytest

from chaos.proxy import proxy
from service.access.grants import Scope
from service.errors import BadRequest
from service.federation.asking import AskedSite, SiteAway
from service.federation.federation import Federation, SitesAway
from service.federation.sites import Site
from service.metrics import Metrics
from service.period.bucket import BucketQuestion
from service.period.selection import SeriesFilter
from service.period.steps import Period
from tests.harness import Running, View, free_port, viewing
from tests.keyrings import add_key, bearer
from tests.pictures import texts

pytestmark = pytest.mark.anyio

PAST = {"from": "2026-01-01T10:00Z", "until": "2026-01-01T12:00Z", "step": "1h"}
START = datetime(2026, 1, 1, 10, tzinfo=UTC)
QUESTION = BucketQuestion(Period(START, START + timedelta(hours=1), "1m", "UTC"))
NOT_UNDERSTOOD = "answers something that isn't understood here; its version may be another"
NOTE = {"ts": "2026-01-01T10:00:00Z", "series": "a", "note": "cleaning"}
OTHER_STEPS = "has other steps than this view; its time zones may be of another year"
KEY = "a key that is long enough".replace(" ", "_")


async def post(service: Running, **reading: Any) -> None:
    ready = {"ts": "2026-01-01T10:05:00Z", "series": "line 1", **reading}
    assert (await service.http.post("/readings", json=ready)).status_code == 200


async def get(view: View, headers: Any = None, **params: Any) -> httpx.Response:
    return await view.http.get("/chart", params={**PAST, "format": "json", **params}, headers=headers)


@asynccontextmanager
async def answering(status: int, body: bytes = b"{}", after: float = 0) -> AsyncIterator[str]:
    """A server that is no Taktline of this version; returns its address."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(after)
        writer.write(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (status, len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


def numbers(bucket: str = "2026-01-01T10:00:00Z", readings: int = 1, **others: Any) -> bytes:
    """What a site may answer: one step, and nothing else."""
    step = {"bucket": bucket, "plan": 1, "fact": 1, "readings": readings}
    panels = [{"name": None, "others": None, "buckets": [step]}]
    return json.dumps({"panels": panels, "until": None, "notes": [], "since": None, **others}).encode()


def drawn(answer: httpx.Response) -> list[str]:
    """The texts in a picture."""
    return texts(answer.content)


def nowhere() -> str:
    return f"http://127.0.0.1:{free_port()}"


async def test_a_site_that_is_away_is_named_and_never_zero(fresh: Running) -> None:
    await post(fresh, plan=5, fact=3)
    async with viewing({"berlin": fresh.url, "ulm": nowhere()}) as view:
        answer = await get(view)
        assert answer.json()["sites_away"] == ["ulm"]
        assert answer.headers["x-sites-away"] == "ulm"
        assert answer.headers["cache-control"] == "public, max-age=5"
        assert [bucket["fact"] for bucket in answer.json()["buckets"]] == [3]
        picture = drawn(await get(view, format="svg"))
        assert any("without ulm, which can't be reached" in text for text in picture)
        split = await get(view, split="series", series=["berlin/line 1", "ulm/line 1"])
        assert {bucket["series"] for bucket in split.json()["buckets"]} == {"berlin/line 1"}
        parts = drawn(await get(view, split="series", series=["berlin/*", "ulm/line 1"], format="svg"))
        assert "berlin/line 1" in parts
        assert "ulm/line 1" not in parts
        assert "berlin/*" not in parts


async def test_one_site_by_two_addresses_counts_once(fresh: Running) -> None:
    await post(fresh, plan=5, fact=3)
    two = {"berlin": fresh.url, "ulm": fresh.url.replace("127.0.0.1", "localhost"), "away": nowhere()}
    said = "ulm is berlin by another address, and what is there counts once."
    async with viewing(two) as view:
        for params in ({}, {"series": ["berlin/line 1", "ulm/line 1"]}, {"split": "series"}):
            answer = await get(view, **params)
            assert [bucket["fact"] for bucket in answer.json()["buckets"]] == [3]
            assert "ulm" in answer.json()["sites_away"]
        alone = await get(view, series="ulm/line 1")
        assert (alone.status_code, alone.json()["detail"]) == (503, said)
        assert (await get(view, series="berlin/line 1")).json()["buckets"][0]["fact"] == 3
        state = (await view.http.get("/readyz")).json()
        assert state["status"] == "degraded"
        assert [one["away"] for one in state["sites"]][:2] == [None, said]
        assert 'taktline_site_away{site="ulm"} 1.0' in (await view.http.get("/metrics")).text
        names = (await view.http.get("/live/series")).json()["series"]
        assert names == ["berlin/*", "berlin/line 1", "ulm/*", "away/*"]


async def test_the_second_address_is_shown_while_the_first_is_away(fresh: Running) -> None:
    await post(fresh, plan=5, fact=3)
    parts = urlsplit(fresh.url)
    async with proxy(parts.hostname or "", parts.port or 0) as between, httpx.AsyncHTTPTransport() as http:
        addresses = {"berlin": f"http://127.0.0.1:{between.port}", "ulm": fresh.url}
        federation = Federation(AskedSite(Site(*two), http, Metrics(), pause=0) for two in addresses.items())
        for refusing, shown, away in ((False, "berlin", "ulm"), (True, "ulm", "berlin"), (False, "berlin", "ulm")):
            between.refusing = refusing
            between.cut()
            for names in (None, ("ulm/line 1", "berlin/line 1")):
                found = await federation.read(msgspec.structs.replace(QUESTION, series=SeriesFilter(names)))
                assert [bucket.fact for panel in found.panels for bucket in panel.buckets] == [3]
                assert (found.away, [*federation.away]) == ((away,), [away])
            await federation.read(msgspec.structs.replace(QUESTION, series=SeriesFilter((f"{shown}/*",))))


async def test_a_site_that_nobody_asks_for_is_not_missed(fresh: Running) -> None:
    async with viewing({"berlin": fresh.url, "ulm": nowhere()}) as view:
        answer = await get(view, series="berlin/*")
        assert "sites_away" not in answer.json()
        assert "x-sites-away" not in answer.headers
        assert answer.headers["cache-control"] == "public, max-age=86400"


async def test_all_sites_away(fresh: Running) -> None:
    async with viewing({"berlin": fresh.url, "ulm": nowhere()}) as view:
        answer = await get(view, series="ulm/line 1")
        assert answer.status_code == 503
        assert "ulm can't be reached" in answer.json()["detail"]
        assert answer.headers["retry-after"] == "5"
        state = await view.http.get("/readyz")
        assert (state.status_code, state.json()["status"]) == (200, "degraded")
        assert "ulm can't be reached" in state.json()["detail"]
        counted = (await view.http.get("/metrics")).text
        assert 'taktline_site_away{site="ulm"} 1.0' in counted
        assert 'taktline_site_away{site="berlin"} 0.0' in counted
    async with viewing({"ulm": nowhere()}) as view:
        assert (await get(view)).status_code == 503
        assert (await view.http.get("/readyz")).status_code == 503


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (404, b"{}", "has no /buckets: its Taktline is older than this one, it is a view itself, or none"),
        (200, b'{"panels": "others"}', NOT_UNDERSTOOD),
        (200, b"<html>", NOT_UNDERSTOOD),
        (302, b"", "leads to another address; FEDERATE needs the one at which it answers"),
        (400, b"The plain HTTP request was sent to HTTPS port", "answers with status 400"),
        (200, b'{"x": ' + 100_000 * b"[", NOT_UNDERSTOOD),
        (200, numbers(notes=[NOTE]).replace(b"cleaning", b"\xff"), NOT_UNDERSTOOD),
        (200, numbers(bucket="2026-01-01T10:00:00"), NOT_UNDERSTOOD),
        (200, numbers(readings=10**30), NOT_UNDERSTOOD),
        (200, numbers(until="2026-01-01T10:00:00"), NOT_UNDERSTOOD),
        (200, numbers(notes=[{**NOTE, "ts": "2026-01-01T10:00:00"}]), NOT_UNDERSTOOD),
        (200, numbers(kept={"minutes": "2026-01-01T10:00:00"}), NOT_UNDERSTOOD),
        (200, numbers(bucket="2026-01-01T10:30:00Z"), OTHER_STEPS),
        (200, numbers(bucket="2026-01-01T12:00:00Z"), OTHER_STEPS),
        (503, b"", "answers with status 503"),
        (401, b"", "wants another key than FEDERATE_KEYS has for it"),
    ],
)
async def test_what_answers_otherwise_is_away(status: int, body: bytes, said: str) -> None:
    async with answering(status, body) as url, viewing({"ulm": url}) as view:
        answer = await get(view)
        assert (answer.status_code, answer.json()["detail"]) == (503, f"ulm {said}.")


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        (b"Content-Encoding: gzip\r\nContent-Length: 70", "can't be reached: Error -3"),
        (b"Content-Length: 200", "can't be reached: its answer is too large"),
        (b"Content-Length: many", "can't be reached: "),
    ],
)
async def test_a_body_that_cannot_be_read_is_none(monkeypatch: pytest.MonkeyPatch, headers: bytes, said: str) -> None:
    monkeypatch.setattr("service.federation.asking.MOST_BYTES", 100)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n%b" % (headers, 200 * b" "))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, httpx.AsyncHTTPTransport() as http:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(SiteAway, match=said):
            await AskedSite(Site("ulm", url), http, Metrics()).ask([])


async def test_one_that_answers_otherwise_harms_no_other(fresh: Running) -> None:
    await post(fresh, fact=3)
    for body in (b'{"x": ' + 100_000 * b"[", numbers(bucket="2026-01-01T10:00:00")):
        async with answering(200, body) as url, viewing({"berlin": fresh.url, "ulm": url}) as view:
            answer = await get(view)
            assert answer.json()["sites_away"] == ["ulm"]
            assert [bucket["fact"] for bucket in answer.json()["buckets"]] == [3]


async def test_a_series_called_like_a_whole_site_is_no_choice_of_its_own(fresh: Running) -> None:
    await post(fresh, series="*", fact=3)
    await post(fresh, series="a", fact=3)
    async with viewing({"berlin": fresh.url}) as view:
        assert (await view.http.get("/live/series")).json()["series"] == ["berlin/*", "berlin/a"]


async def test_a_tag_that_cannot_be_sent_back_is_forgotten() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert b"if-none-match" not in (await reader.readuntil(b"\r\n\r\n")).lower()
        body = numbers()
        head = b'HTTP/1.1 200 OK\r\nETag: "\xe4"\r\nContent-Length: %d\r\nConnection: close\r\n\r\n' % len(body)
        writer.write(head + body)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, httpx.AsyncHTTPTransport() as http:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        asked = AskedSite(Site("ulm", url), http, Metrics())
        for _ in range(2):
            assert len((await asked.ask([])).panels) == 1


@pytest.mark.parametrize("status", [414, 431])
async def test_a_question_that_is_too_long_makes_no_site_away(status: int) -> None:
    async with answering(status) as url, httpx.AsyncHTTPTransport() as http:
        federation = Federation([AskedSite(Site("ulm", url), http, Metrics())])
        with pytest.raises(BadRequest, match="more than ulm can be asked for at once"):
            await federation.read(QUESTION)
        many = msgspec.structs.replace(
            QUESTION, series=SeriesFilter(tuple(f"ulm/{n:02}" + 198 * "線" for n in range(50)))
        )
        with pytest.raises(BadRequest, match="more than ulm can be asked for at once"):
            await federation.read(many)
        assert federation.away == {}


async def test_looking_goes_on_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[None] = []
    second = asyncio.Event()

    class Broken(AskedSite):
        async def ask(self, *_: object) -> NoReturn:
            looks.append(None)
            if len(looks) == 2:
                second.set()
            raise ZeroDivisionError

    monkeypatch.setattr("service.federation.federation.LOOK_EVERY", 0)
    async with httpx.AsyncHTTPTransport() as http:
        looking = asyncio.create_task(Federation([Broken(Site("ulm", nowhere()), http, Metrics())]).keep_looking())
        try:
            await asyncio.wait_for(second.wait(), 10)
        finally:
            looking.cancel()


async def test_who_waits_for_a_site_that_hangs() -> None:
    metrics = Metrics()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        async with httpx.AsyncHTTPTransport() as http:
            asked = AskedSite(Site("ulm", url), http, metrics, patience=0.3, pause=60)
            federation = Federation([asked])
            with pytest.raises(SitesAway, match=r"ulm doesn't answer within 0\.3 seconds"):
                await federation.read(QUESTION)
            with pytest.raises(SitesAway):
                await federation.read(QUESTION)
            silent.settimeout(1)
            silent.accept()[0].close()
            silent.settimeout(0.2)
            with pytest.raises(TimeoutError):  # the second one didn't even ask
                silent.accept()


async def test_a_site_that_is_back_is_asked_again(fresh: Running) -> None:
    await post(fresh, fact=3)
    async with httpx.AsyncHTTPTransport() as http:
        asked = AskedSite(Site("ulm", nowhere()), http, Metrics(), pause=0)
        federation = Federation([asked])
        with pytest.raises(SitesAway):
            await federation.read(QUESTION)
        assert set(federation.away) == {"ulm"}
        asked.site = Site("ulm", fresh.url)
        assert (await federation.read(QUESTION)).away == ()
        assert federation.away == {}


async def test_what_is_known_already_is_asked_for_over_the_same_connection() -> None:
    requests: list[list[bytes]] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append([])
        with suppress(asyncio.IncompleteReadError):
            while request := await reader.readuntil(b"\r\n\r\n"):
                requests[-1].append(request)
                known = b"if-none-match" in request.lower()
                body = b"" if known else b'{"panels": [], "until": null, "notes": [], "since": null}'
                line = b"304 Not Modified" if known else b"200 OK\r\nContent-Length: %d" % len(body)
                writer.write(b'HTTP/1.1 %b\r\nETag: W/"1"\r\nSet-Cookie: a=b\r\n\r\n%b' % (line, body))
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server, httpx.AsyncHTTPTransport() as http:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        asked = AskedSite(Site("ulm", url), http, Metrics())
        for _ in range(3):
            assert (await asked.ask([])).panels == ()
    assert [len(one) for one in requests] == [3]
    assert not any(b"cookie" in request.lower() for request in requests[0])


async def test_what_a_site_has_committed_is_shown_next(fresh: Running) -> None:
    async with viewing({"berlin": fresh.url}) as view:
        for count in range(1, 4):
            await post(fresh, fact=1)
            assert [one["readings"] for one in (await get(view)).json()["buckets"]] == [count]


async def test_a_wrong_question_is_refused_as_at_a_site(fresh: Running) -> None:
    async with viewing({"berlin": fresh.url}) as view:
        for params in ({"series": "line 1"}, {"step": "7m"}, {"series": "bonn/x"}):
            assert (await get(view, **params)).status_code == 400


async def test_sites_with_keys(fresh: Running) -> None:
    await post(fresh, fact=3)
    key = await add_key(fresh, "view", Scope.READ)
    async with viewing({"berlin": fresh.url}) as view:
        answer = await get(view)
        assert answer.status_code == 503
        assert "berlin wants another key" in answer.json()["detail"]
    async with viewing({"berlin": fresh.url}, federate_keys=f"berlin={key}") as view:
        assert (await get(view)).json()["buckets"][0]["fact"] == 3
        assert key not in (await view.http.get("/readyz")).text


async def test_who_may_look(fresh: Running) -> None:
    async with viewing({"berlin": fresh.url}, federate_read_key=KEY) as view:
        assert (await get(view)).status_code == 401
        assert (await get(view, bearer("tk_another_one_altogether"))).status_code == 401
        answer = await get(view, bearer(KEY))
        assert answer.status_code == 200
        assert "private" in answer.headers["cache-control"]
        assert "sites" not in (await view.http.get("/readyz")).json()
        assert "sites" in (await view.http.get("/readyz", headers=bearer(KEY))).json()
        signed = await view.http.post("/sign-in", data={"key": KEY, "next": "/chart"})
        assert signed.status_code == 303
        assert (await get(view)).status_code == 200  # by the session


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/readings"),
        ("PUT", "/readings"),
        ("GET", "/readings"),
        ("GET", "/display"),
        ("GET", "/corrections"),
        ("GET", "/check"),
        ("POST", "/write"),
        ("POST", "/api/v2/write"),
    ],
)
async def test_what_only_a_site_does(fresh: Running, method: str, path: str) -> None:
    async with viewing({"berlin": fresh.url}) as view:
        answer = await view.http.request(method, path)
        assert answer.status_code == 404
        assert answer.json()["detail"] == "This service shows several sites and keeps nothing itself: ask the site."


async def test_where_things_are(fresh: Running) -> None:
    async with viewing({"berlin": fresh.url}) as view:
        assert set((await view.http.get("/")).json()) == {"chart", "board", "live", "openapi", "ready", "metrics"}
        paths = (await view.http.get("/schema/openapi.json")).json()["paths"]
        assert set(paths) == {"/", "/live", "/live/series", "/chart", "/board", "/livez", "/readyz", "/metrics"}
