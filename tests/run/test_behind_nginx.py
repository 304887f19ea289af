"""The whole service below a prefix, behind a real nginx that has the configuration of docs/proxy.md."""

import json
import re
from collections.abc import AsyncIterator
from html import unescape
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from playwright.async_api import Browser, expect
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from service.access.grants import Scope
from service.errors import StartError
from tests.browsing import PATIENCE, live
from tests.conftest import Engine, dropped_schema, settings_for
from tests.harness import Running, ask, running
from tests.keyrings import add_key
from tests.nginx import PROXY, nginx

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]
ROOT = "/taktline"
LINK = re.compile(r'(?:href|src|action|data-onward)="([^"#]+)"')


@pytest.fixture(scope="module", params=["stripped", "kept"])
async def public(
    engine: Engine, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Running, httpx.AsyncClient]]:
    """A service behind nginx, which strips or keeps the prefix, and a client that asks nginx."""
    async with dropped_schema(engine) as schema:
        settings = settings_for(engine, schema, trusted_proxies=PROXY, root_path=ROOT, ingest_rate=1000)
        async with (
            running(settings) as service,
            nginx(tmp_path_factory.mktemp("nginx"), service.url, strips=request.param == "stripped") as url,
            httpx.AsyncClient(base_url=url, timeout=30) as client,
        ):
            readings = [{"plan": 2, "fact": 1, "series": f"line {number}"} for number in (1, 1, 1, 2)]
            await service.http.post("/readings", json=readings)
            yield service, client


Public = tuple[Running, httpx.AsyncClient]


@pytest.mark.parametrize("path", ["/", "/display?per_page=1", "/nowhere", "/schema", "/display?page=0", "/sign-in"])
async def test_every_link_of_a_page_leads_below_the_prefix(public: Public, path: str) -> None:
    _, client = public
    page = await client.get(ROOT + path, headers={"Accept": "text/html"})
    found = {unescape(one) for one in LINK.findall(page.text)}
    assert len(found) > 3
    for link in found:
        place = urlsplit(urljoin(str(page.url), link))
        assert place.path == ROOT or place.path.startswith(f"{ROOT}/"), link
        if "vega" not in link and "format=html" not in link:  # the drawing library is made when it is asked for
            answer = await client.get(link, headers={"Accept": "text/html"})
            assert answer.status_code == 200, link


async def test_what_programs_are_told(public: Public) -> None:
    _, client = public
    places = (await client.get(f"{ROOT}/", headers={"Accept": "application/json"})).json()
    assert set(places.values()) >= {f"{ROOT}/chart", f"{ROOT}/display", f"{ROOT}/schema"}
    answer = await client.get(f"{ROOT}/display?per_page=1", headers={"Accept": "application/json"})
    for target in re.findall(r"<([^>]+)>", answer.headers["link"]):
        assert target.startswith(f"{ROOT}/display?")
        assert (await client.get(target)).json()["total"] >= 3
    document = (await client.get(f"{ROOT}/schema/openapi.json")).json()
    assert document["servers"] == [{"url": ROOT}]


async def test_redirects_stay_below(public: Public) -> None:
    _, client = public
    for path in ("/", "/display"):
        answer = await client.get(f"{ROOT}{path}?series=&tz=", headers={"Accept": "text/html"})
        assert (answer.status_code, answer.headers["location"]) == (303, f"{ROOT}{path}")


async def test_sockets_and_streams_pass(public: Public, name: str) -> None:
    _, client = public
    url = str(client.base_url).replace("http", "ws", 1).rstrip("/") + ROOT
    for path in ("/", "/ws"):
        async with connect(url + path, origin=str(client.base_url).rstrip("/")) as socket:  # type: ignore[arg-type]
            told = await ask(socket, {"id": f"{name}{path}", "readings": [{"series": name, "plan": 1}]})
            assert told["written"] == 1
    async with connect(f"{url}/live") as socket:
        assert str(await socket.recv()).startswith("event: time")
    for path in ("/", "/live"):
        with pytest.raises(InvalidStatus, match="403"):
            await connect(url + path, origin="https://evil.example")  # type: ignore[arg-type]
    async with client.stream("GET", f"{ROOT}/live") as answer:
        assert "event: time" in await anext(answer.aiter_text())


async def test_the_rate_is_the_clients_and_can_not_be_evaded(public: Public, name: str) -> None:
    service, client = public
    many = json.dumps([{"series": name, "plan": 1}] * 3000)
    headers = {"Content-Type": "application/json"}
    assert (await client.post(f"{ROOT}/readings", content=many, headers=headers)).status_code == 200
    for pretended in ("1.2.3.4", "1.2.3.4, 5.6.7.8"):
        answer = await client.post(f"{ROOT}/readings", content=many, headers={**headers, "X-Forwarded-For": pretended})
        assert answer.status_code == 429
    proxied = httpx.AsyncHTTPTransport(local_address=PROXY)
    async with httpx.AsyncClient(base_url=service.url, transport=proxied) as other:
        answer = await other.post("/readings", content="{}", headers={**headers, "X-Forwarded-For": "203.0.113.9"})
        assert answer.status_code == 200


async def test_the_page_lives_below_the_prefix(public: Public, browser: Browser) -> None:
    service, client = public
    context = await browser.new_context(base_url=str(client.base_url))
    context.set_default_timeout(PATIENCE)
    page = await context.new_page()
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("requestfailed", lambda request: wrong.append(request.url))
    await live(page, f"{ROOT}/")
    # from an address of its own, since the rate of the client's own may be used up
    elsewhere = httpx.AsyncHTTPTransport(local_address="127.0.0.3")
    async with httpx.AsyncClient(base_url=service.url, transport=elsewhere) as producer:
        assert (await producer.post("/readings", json={"series": "after", "fact": 7})).status_code == 200
    await expect(page.locator("#records tr").first).to_contain_text("after")
    await page.click(".pick summary")
    await page.get_by_label("line 1", exact=True).check()
    await page.wait_for_url(f"**{ROOT}/?series=line+1")
    await page.click("text=Its chart alone")
    await page.wait_for_url(f"**{ROOT}/chart?*")
    await page.goto(f"{ROOT}/schema")
    await expect(page.locator("#swagger-container")).to_contain_text("/readings")
    await context.close()
    assert wrong == []


async def test_forwarded_headers_from_elsewhere_are_ignored(engine: Engine, schema: str) -> None:
    """Whoever is on this machine evaded the rate by them."""
    async with running(settings_for(engine, schema, ingest_rate=1)) as service:
        statuses = []
        for number in range(3):
            headers = {"X-Forwarded-For": f"203.0.113.{number}"}
            statuses.append((await service.http.post("/readings", json=[{}] * 10, headers=headers)).status_code)
        assert statuses == [200, 429, 429]
        for given, scheme in (({"X-Forwarded-Proto": "https"}, "http"), ({"X-Forwarded-Host": "evil.example"}, "http")):
            page = (await service.http.get("/", headers={"Accept": "text/html", **given})).text
            assert f"{scheme}://127.0.0.1:{service.service.port}/readings" in page


async def test_what_a_trusted_proxy_says_is_believed(engine: Engine, schema: str) -> None:
    settings = settings_for(engine, schema, trusted_proxies="127.0.0.1", allowed_hosts="taktline.example")
    async with running(settings) as service:
        given = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "taktline.example", "Accept": "text/html"}
        assert "https://taktline.example/readings" in (await service.http.get("/", headers=given)).text
        given["X-Forwarded-Host"] = "evil.example"
        assert (await service.http.get("/", headers=given)).status_code == 421
        for origin, status in (("https://taktline.example", 200), ("http://taktline.example", 403)):
            headers = {**given, "X-Forwarded-Host": "taktline.example", "Origin": origin}
            assert (await service.http.post("/readings", json={}, headers=headers)).status_code == status


async def test_signing_in_leads_back_below_the_prefix(engine: Engine, schema: str) -> None:
    async with running(settings_for(engine, schema, root_path=ROOT, trusted_proxies="127.0.0.1")) as service:
        key = await add_key(service, "screen", Scope.READ)
        page = {"Accept": "text/html", "X-Forwarded-Proto": "https"}
        sent = await service.http.get(f"{ROOT}/display?per_page=1", headers=page)
        assert (sent.status_code, sent.headers["location"].partition("?")[0]) == (303, f"{ROOT}/sign-in")
        form = await service.http.get(sent.headers["location"], headers=page)
        [onward] = re.findall('name="next" value="([^"]+)"', form.text)
        fields = {"key": key, "next": unescape(onward)}
        answer = await service.http.post(f"{ROOT}/sign-in", data=fields, headers=page)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{ROOT}/display?per_page=1")
        session = answer.headers["set-cookie"]
        assert f"Path={ROOT}/;" in session
        assert "; Secure" in session
        for path in ("/display?per_page=1", "/chart", "/"):
            headers = {**page, "Cookie": session.partition(";")[0]}
            answer = await service.http.get(ROOT + path, headers=headers)
            assert answer.status_code == 200
            assert answer.headers["cache-control"].startswith("private, ")
            assert {"Authorization", "Cookie"} <= set(answer.headers["vary"].split(", "))


@pytest.mark.parametrize("root", ["/chart", "/api/v2", "/assets"])
async def test_the_prefix_can_not_be_an_address_of_the_service(engine: Engine, schema: str, root: str) -> None:
    with pytest.raises(StartError, match="ROOT_PATH"):
        async with running(settings_for(engine, schema, root_path=root)):
            pass
