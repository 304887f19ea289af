"""Pages of other sites read answers where that is allowed, and never more than that."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import Engine, dropped_schema, settings_for
from tests.harness import Running, running

pytestmark = pytest.mark.anyio
PAGE, OTHER, TRUSTED = "https://pages.example", "https://other.example", "https://trusted.example"
READ = ["/chart?format=json", "/chart", "/display", "/readings", "/schema/openapi.json", "/livez", "/"]
TO_POST = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type"}
ALLOW = "access-control-allow-origin"


@pytest.fixture(scope="module")
async def open_to_all(engine: Engine) -> AsyncIterator[Running]:
    async with dropped_schema(engine) as schema, running(settings_for(engine, schema, cors_origins="*")) as service:
        yield service


@pytest.fixture(scope="module")
async def open_to_some(engine: Engine) -> AsyncIterator[Running]:
    async with dropped_schema(engine) as schema:
        settings = settings_for(engine, schema, cors_origins=f"{PAGE}, https://b.example", trusted_origins=TRUSTED)
        async with running(settings) as service:
            yield service


@pytest.mark.parametrize("path", READ)
async def test_every_page_may_read(open_to_all: Running, path: str) -> None:
    for method in ("GET", "HEAD"):
        answer = await open_to_all.http.request(method, path, headers={"Origin": OTHER, "Cookie": "a=b"})
        assert answer.headers[ALLOW] == "*"
        assert "access-control-allow-credentials" not in answer.headers
        assert {"ETag", "X-Data-Until", "Link"} <= set(answer.headers["access-control-expose-headers"].split(", "))
        assert "Origin" not in answer.headers.get("vary", "")


@pytest.mark.parametrize("path", ["/chart?format=nonsense", "/display?page=0", "/nowhere", "/readings?from=x"])
async def test_errors_too(open_to_all: Running, path: str) -> None:
    answer = await open_to_all.http.get(path, headers={"Origin": OTHER})
    assert (answer.status_code in (400, 404), answer.headers[ALLOW]) == (True, "*")


async def test_the_stream_too(open_to_all: Running) -> None:
    async with open_to_all.http.stream("GET", "/live", headers={"Origin": OTHER}) as answer:
        assert answer.headers[ALLOW] == "*"


async def test_a_304_too(open_to_all: Running) -> None:
    tag = (await open_to_all.http.get("/chart?from=2024-01-01&until=2024-01-02")).headers["etag"]
    headers = {"Origin": OTHER, "If-None-Match": tag}
    answer = await open_to_all.http.get("/chart?from=2024-01-01&until=2024-01-02", headers=headers)
    assert (answer.status_code, answer.headers[ALLOW]) == (304, "*")


async def test_but_never_write(open_to_all: Running) -> None:
    for path in ("/readings", "/write", "/query"):
        answer = await open_to_all.http.options(path, headers={"Origin": OTHER, **TO_POST})
        assert [name for name in answer.headers if name.startswith("access-control")] == []
        answer = await open_to_all.http.post(path, json={"plan": 1}, headers={"Origin": OTHER})
        assert (answer.status_code, ALLOW in answer.headers) == (403, False)


async def test_a_preflight_is_told_what_may_be_sent(open_to_all: Running) -> None:
    asked = {"Origin": OTHER, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    answer = await open_to_all.http.options("/chart", headers=asked)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers[ALLOW] == "*"
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD"
    assert "Authorization" in answer.headers["access-control-allow-headers"]
    plain = await open_to_all.http.options("/chart", headers={"Origin": OTHER})
    assert plain.headers["allow"] == "GET, HEAD, OPTIONS"


async def test_some_pages_may_read_and_caches_know(open_to_some: Running) -> None:
    for origin, allowed in ((PAGE, PAGE), (TRUSTED, TRUSTED), (OTHER, None), ("null", None), (None, None)):
        answer = await open_to_some.http.get("/chart?format=json", headers={"Origin": origin} if origin else {})
        assert answer.headers.get(ALLOW) == allowed
        assert answer.headers["vary"] == "Accept, Accept-Encoding, Origin"


async def test_trusted_pages_may_write_too(open_to_some: Running) -> None:
    answer = await open_to_some.http.options("/readings", headers={"Origin": TRUSTED, **TO_POST})
    assert (answer.headers[ALLOW], "POST" in answer.headers["access-control-allow-methods"]) == (TRUSTED, True)
    assert "Content-Type" in answer.headers["access-control-allow-headers"]
    headers = {"Origin": TRUSTED, "Sec-Fetch-Site": "cross-site"}
    answer = await open_to_some.http.post("/readings", json={"plan": 1}, headers=headers)
    assert (answer.status_code, answer.headers[ALLOW]) == (200, TRUSTED)
    answer = await open_to_some.http.options("/readings", headers={"Origin": PAGE, **TO_POST})
    assert ALLOW not in answer.headers


async def test_by_default_nobody(shared: Running) -> None:
    for path in READ:
        answer = await shared.http.get(path, headers={"Origin": OTHER})
        assert [name for name in answer.headers if name.startswith("access-control")] == []
        assert "Origin" not in answer.headers.get("vary", "")
