"""Browsers sign in with a key, and signed links open one chart."""

import math
import time
from collections.abc import AsyncIterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from websockets.asyncio.client import connect

from service.access.grants import Scope
from service.access.guesses import AT_ONCE
from service.access.signatures import Signed
from tests.conftest import Engine, dropped_schema, settings_for
from tests.harness import Running, counted, running
from tests.keyrings import add_key, bearer, revoke_key

pytestmark = pytest.mark.anyio
PAGE = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PROXIED = {"X-Forwarded-Proto": "https"}


@pytest.fixture(scope="module")
async def service(engine: Engine) -> AsyncIterator[Running]:
    """A service with a key for everything, behind a proxy where that says so."""
    async with (
        dropped_schema(engine) as schema,
        running(settings_for(engine, schema, trusted_proxies="127.0.0.1")) as one,
    ):
        admin = await add_key(one, "admin", Scope.ADMIN)
        one.http.headers.update(bearer(admin))
        for series in ("hall 1", "hall 2"):
            assert (await one.http.post("/readings", json={"plan": 1, "fact": 1, "series": series})).status_code == 200
        yield one


@pytest.fixture
async def browser(service: Running) -> AsyncIterator[httpx.AsyncClient]:
    """It keeps cookies, and has no key."""
    async with httpx.AsyncClient(base_url=service.url, headers=PAGE, timeout=30) as http:
        yield http


async def sign_in(browser: httpx.AsyncClient, key: str, onward: str = "/display", **more: str) -> httpx.Response:
    return await browser.post("/sign-in", data={"key": key, "next": onward}, headers=more)


async def test_from_a_page_to_the_form_and_back(service: Running, browser: httpx.AsyncClient, name: str) -> None:
    key = await add_key(service, name, Scope.READ)
    asked = await browser.get("/display?per_page=1&series=hall+1")
    assert asked.status_code == 303
    form = await browser.get(asked.headers["location"])
    assert form.status_code == 200
    assert 'value="/display?per_page=1&amp;series=hall+1"' in form.text
    [onward] = parse_qs(urlsplit(asked.headers["location"]).query)["next"]
    answer = await sign_in(browser, f" {key} ", onward)
    assert (answer.status_code, answer.headers["location"]) == (303, "/display?per_page=1&series=hall+1")
    cookie = answer.headers["set-cookie"]
    assert "; HttpOnly; SameSite=Strict" in cookie
    assert "Secure" not in cookie
    assert key not in cookie
    seen = await browser.get(answer.headers["location"])
    assert (seen.status_code, "hall 1" in seen.text) == (200, True)
    assert name in (await browser.get("/sign-in")).text
    session = {"Cookie": f"taktline_session={browser.cookies['taktline_session']}"}
    async with connect(service.ws + "live", additional_headers=session) as socket:
        assert "time" in str(await socket.recv())
    left = await browser.post("/sign-out")
    assert (left.status_code, left.headers["location"]) == (303, "/sign-in")
    assert (await browser.get("/display")).status_code == 303


async def test_a_session_ends_with_its_key(service: Running, browser: httpx.AsyncClient, name: str) -> None:
    await sign_in(browser, await add_key(service, name, Scope.READ))
    assert (await browser.get("/display")).status_code == 200
    await revoke_key(service, name)
    await service.parts.keyring.refresh()
    assert (await browser.get("/display")).status_code == 303


async def test_and_with_its_time(service: Running, browser: httpx.AsyncClient, name: str) -> None:
    found = service.parts.keyring.find(await add_key(service, name, Scope.READ))
    assert found is not None
    assert found.key is not None
    for seconds, status in ((60, 200), (-1, 303)):
        text = service.parts.signatures.session(Signed(found.key, math.floor(time.time()) + seconds))
        answer = await browser.get("/display", headers={"Cookie": f"a=b; taktline_session={text};c=d"})
        assert answer.status_code == status


async def test_what_a_key_may_not_do_its_session_may_not(
    service: Running, browser: httpx.AsyncClient, name: str
) -> None:
    await sign_in(browser, await add_key(service, name, Scope.WRITE))
    answer = await browser.get("/display")
    assert answer.status_code == 403
    assert "Sign in with another key" in answer.text


async def test_a_wrong_key(service: Running, browser: httpx.AsyncClient) -> None:
    before = await counted(service, "/sign-in", "wrong_key")
    answer = await sign_in(browser, "tk_wrong", "/chart")
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer ")  # RFC 9110, 15.5.2
    assert "There is no such key" in answer.text
    assert "tk_wrong" not in answer.text
    assert 'value="/chart"' in answer.text
    assert await counted(service, "/sign-in", "wrong_key") == before + 1
    for _ in range(AT_ONCE):
        answer = await sign_in(browser, "tk_wrong")
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    "onward", ["//evil.example/", "/\\evil.example", "https://evil.example", "", "/a\r\nX: y", "/ü"]
)
async def test_nobody_is_sent_elsewhere(service: Running, browser: httpx.AsyncClient, name: str, onward: str) -> None:
    answer = await sign_in(browser, await add_key(service, name, Scope.READ), onward)
    assert answer.headers["location"] == "/"
    assert 'name="next" value="/"' in (await browser.get("/sign-in", params={"next": onward})).text


async def test_over_tls_the_cookie_goes_over_tls_alone(service: Running, browser: httpx.AsyncClient, name: str) -> None:
    answer = await sign_in(browser, await add_key(service, name, Scope.READ), **PROXIED)
    assert answer.headers["set-cookie"].endswith("; Secure")


async def test_a_page_of_another_site_signs_nobody_in(service: Running, browser: httpx.AsyncClient, name: str) -> None:
    key = await add_key(service, name, Scope.READ)
    answer = await sign_in(browser, key, **{"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("form", [b"x" * 20_000, b"&".join([b"a=1"] * 20), b"\xff", b""])
async def test_a_form_that_is_none(browser: httpx.AsyncClient, form: bytes) -> None:
    answer = await browser.post("/sign-in", content=form, headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert answer.status_code in (401, 413, 429)


async def test_programs_are_not_led_to_the_form(service: Running, browser: httpx.AsyncClient) -> None:
    for accept in ("*/*", "application/json", "image/*", "text/csv"):
        assert (await browser.get("/display", headers={"Accept": accept})).status_code == 401
    assert (await browser.post("/readings", json={})).status_code == 401


async def link(
    service: Running, query: str, name: str, seconds: int = 60, series: tuple[str, ...] | None = None
) -> str:
    found = service.parts.keyring.find(await add_key(service, name, Scope.READ, series=series))
    assert found is not None
    assert found.key is not None
    return "/chart?" + service.parts.signatures.link(query, Signed(found.key, math.floor(time.time()) + seconds))


async def test_a_signed_link_opens_one_chart(service: Running, browser: httpx.AsyncClient, name: str) -> None:
    address = await link(service, "format=json&from=-1d", name, series=("hall 1",))
    image = {"Accept": "image/avif,image/webp,*/*"}
    answer = await browser.get(address, headers=image)
    assert answer.status_code == 200
    assert sum(bucket["readings"] for bucket in answer.json()["buckets"]) == 1  # of its key's series alone
    assert answer.headers["cache-control"].startswith("private")
    query = address.partition("?")[2]
    for other in ("/display?", "/readings?", "/?", "/live?"):
        assert (await browser.get(other + query, headers={"Accept": "*/*"})).status_code == 401
    changed = await browser.get(address.replace("-1d", "-2d"), headers=image)
    assert (changed.status_code, changed.headers["content-type"]) == (403, "image/svg+xml")
    assert changed.headers["x-chart-error"].startswith("This link isn't as it was signed")
    await revoke_key(service, name)
    await service.parts.keyring.refresh()
    ended = await browser.get(address, headers=image)
    assert (ended.status_code, ended.headers["x-chart-error"]) == (
        403,
        "The key that signed this link was revoked, or has expired.",
    )


async def test_a_signed_link_is_in_the_language_that_was_signed(
    service: Running, browser: httpx.AsyncClient, name: str
) -> None:
    """Otherwise in that of the browser, for which nothing has to be signed; and so is what is wrong with it."""
    german, russian = {"Accept-Language": "de", "Accept": "*/*"}, {"Accept-Language": "ru", "Accept": "*/*"}
    signed = await link(service, "format=svg&lang=de", name)
    answer = await browser.get(signed, headers=russian)
    assert (answer.status_code, answer.headers["content-language"]) == (200, "de")
    assert "Soll und Ist" in answer.text
    plain = await link(service, "format=svg", f"{name} plain")
    for headers, title in ((german, "Soll und Ist"), (russian, "План и факт")):
        answer = await browser.get(plain, headers=headers)
        assert title in answer.text
        assert "Accept-Language" in answer.headers["vary"]
    for changed in (signed.replace("lang=de", "lang=ru"), signed.replace("&lang=de", ""), f"{plain}&lang=ru"):
        answer = await browser.get(changed, headers={**russian, "Accept": "text/html"})
        assert answer.status_code == 403
        assert "Эта ссылка не такая, какой её подписали" in answer.text


async def test_until_it_expires(service: Running, browser: httpx.AsyncClient, name: str) -> None:
    address = await link(service, "format=json", name, seconds=-1)
    answer = await browser.get(address, headers={"Accept": "*/*"})
    assert (answer.status_code, answer.json()["detail"]) == (403, "This link has expired.")
    with_key = await service.http.get(address)  # who has a key needs no link
    assert with_key.status_code == 200


async def test_what_is_no_link_is_a_parameter_like_others(service: Running) -> None:
    answer = await service.http.get("/chart?title=sig%3D1&width=300&xsig=1")
    assert (answer.status_code, "'xsig' isn't a parameter" in answer.text) == (400, True)
