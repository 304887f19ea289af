"""A name that another site has pointed at this machine isn't answered."""

import json
from collections.abc import AsyncIterator

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from service.run.boot import serving
from tests.conftest import Engine, dropped_schema, settings_for
from tests.harness import Running, counted, running
from tests.raw_http import WEBSOCKET, statuses, talk

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
async def named(engine: Engine) -> AsyncIterator[Running]:
    async with (
        dropped_schema(engine) as schema,
        running(settings_for(engine, schema, allowed_hosts="taktline.example")) as service,
    ):
        yield service


@pytest.mark.parametrize("path", ["/", "/chart", "/livez", "/nowhere", "/assets/icon.svg", "/schema"])
async def test_another_name_is_told_so(named: Running, path: str) -> None:
    before = await counted(named, "http", "host")
    answer = await named.http.get(path, headers={"Host": "evil.example:8080"})
    assert (answer.status_code, answer.headers["content-type"]) == (421, "application/problem+json")
    assert (
        answer.json()["detail"] == "Nothing is served as 'evil.example:8080'; ALLOWED_HOSTS names the hosts that are."
    )
    assert await counted(named, "http", "host") == before + 1


async def test_a_rebound_page_has_the_origin_of_its_host(named: Running) -> None:
    """So that this is the only thing that tells it from a page of ours."""
    headers = {"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}
    assert (await named.http.post("/readings", json={"plan": 1}, headers=headers)).status_code == 421
    for path in ("", "live"):
        answer = await talk(
            named,
            f"GET /{path} HTTP/1.1\r\nHost: evil.example\r\nOrigin: http://evil.example\r\n{WEBSOCKET}\r\n".encode(),
        )
        assert statuses(answer) == [421]
        assert "ALLOWED_HOSTS" in json.loads(answer.partition(b"\r\n\r\n")[2])["detail"]


async def test_its_own_name_and_probes_by_address_pass(named: Running) -> None:
    for host in ("taktline.example", "Taktline.example:443", "10.0.0.7:8080", "[fd00::7]", "localhost:8080"):
        for path in ("/livez", "/readyz", "/metrics", "/chart"):
            assert (await named.http.get(path, headers={"Host": host})).status_code == 200
    async with connect(named.ws):
        pass
    assert statuses(await talk(named, b"GET /livez HTTP/1.0\r\n\r\n")) == [200]


@pytest.mark.parametrize(
    "hosts",
    ["", "Host: a\r\nHost: a\r\n", "Host: a\r\nHost: evil.example\r\n", "Host: a b\r\n", "Host:\r\n", "Host: a@b\r\n"],
)
async def test_one_host_or_400(shared: Running, hosts: str) -> None:
    before = await counted(shared, "http", "host")
    answer = await talk(shared, f"GET /livez HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n".encode())
    assert statuses(answer) == [400]
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["title"] == "Bad Request"
    assert await counted(shared, "http", "host") == before + 1
    assert statuses(await talk(shared, f"GET / HTTP/1.1\r\n{hosts}{WEBSOCKET}\r\n".encode())) == [400]


async def test_by_default_on_loopback(engine: Engine, schema: str) -> None:
    settings = settings_for(engine, schema, api_host="127.0.0.1", api_port=0)
    async with serving(settings, lambda _: None) as service:
        url = f"ws://127.0.0.1:{service.port}/"
        async with connect(url):
            pass
        with pytest.raises(InvalidStatus, match="421"):
            await connect(f"ws://evil.example:{service.port}/", host="127.0.0.1")
