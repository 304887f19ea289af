"""Two services on one database behind a real nginx that has the configuration of docs/scale.md."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.conftest import Engine, settings_for
from tests.harness import Running, ask, running
from tests.nginx import PROXY, configured, shown_in

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]

DOCS = Path(__file__).parents[2] / "docs" / "scale.md"
MANY = 60


@pytest.fixture(autouse=True)
def _several(engine: Engine) -> None:
    if engine.server.embedded:
        pytest.skip("the embedded engine has a single service")


def before(*services: Running) -> str:
    """The configuration, before these services."""
    text = shown_in(DOCS)
    for shown, service in zip(("127.0.0.1:8081", "127.0.0.1:8082"), services, strict=True):
        assert shown in text
        text = text.replace(shown, service.url.removeprefix("http://"))
    return text


async def post(http: httpx.AsyncClient, number: int) -> bool:
    """Send a batch until it is acknowledged, as a client does. Returns whether it was there already."""
    body, key = {"series": f"s{number}", "plan": 1}, {"Idempotency-Key": f"batch {number}"}
    async with asyncio.timeout(60):
        while True:
            try:
                answer = await http.post("/readings", json=body, headers=key)
            except httpx.TransportError:
                continue
            assert answer.status_code in (200, 502, 503, 504), answer.text
            if answer.status_code == 200:
                return bool(answer.json()["duplicate"])
            await asyncio.sleep(0.05)


async def test_one_of_two_stops_and_nobody_notices(engine: Engine, schema: str, tmp_path: Path) -> None:
    settings = settings_for(engine, schema, trusted_proxies=PROXY)
    async with running(settings) as stays, AsyncExitStack() as other:
        leaves = await other.enter_async_context(running(settings))
        async with (
            configured(tmp_path, before(stays, leaves)) as url,
            httpx.AsyncClient(base_url=url, timeout=30) as http,
        ):
            stopping: asyncio.Task[None] | None = None
            for number in range(MANY):
                if number == MANY // 3:
                    written = [sum(one.values()) for one in map(_answers, (stays, leaves))]
                    assert min(written) > 0, "one of them got nothing"
                    stopping = asyncio.create_task(other.aclose())
                await post(http, number)
                assert await post(http, number)  # wherever it lands
                page = await http.get("/display", params={"series": f"s{number}"})
                assert (page.status_code, page.json()["total"]) == (200, 1)
            assert stopping is not None
            await stopping
            assert (await http.get("/display")).json()["total"] == MANY
            async with connect(f"{url.replace('http', 'ws')}/") as socket:
                assert (await ask(socket, {"id": "last", "readings": [{"plan": 1}]}))["written"] == 1


async def test_what_both_refuse_is_said_by_them_and_goes_on_at_once(
    engine: Engine, schema: str, tmp_path: Path
) -> None:
    """As while the database has no primary. What both have refused isn't taken for two services that are gone."""
    settings = settings_for(engine, schema, trusted_proxies=PROXY)
    async with (
        running(settings) as one,
        running(settings) as another,
        configured(tmp_path, before(one, another)) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as http,
    ):
        key, writers = {"Idempotency-Key": "once"}, [each.parts.writer for each in (one, another)]
        for writer in writers:
            writer.standstill.why = "No host is the primary."
        for headers in ({}, key, key, key):
            refused = await http.post("/readings", json={"plan": 1}, headers=headers)
            assert (refused.status_code, refused.json()["detail"]) == (503, "No host is the primary.")
            assert refused.headers["Retry-After"] == "1"
        for writer in writers:
            writer.standstill.why = None
        for number in range(4):
            written = await http.post("/readings", json={"plan": 1}, headers={"Idempotency-Key": f"now {number}"})
            assert written.json() == {"written": 1, "duplicate": False}


async def test_where_none_answers_a_client_is_told_to_try_again(engine: Engine, schema: str, tmp_path: Path) -> None:
    settings = settings_for(engine, schema, trusted_proxies=PROXY)
    async with AsyncExitStack() as services:
        both = [await services.enter_async_context(running(settings)) for _ in range(2)]
        async with configured(tmp_path, before(*both)) as url, httpx.AsyncClient(base_url=url, timeout=30) as http:
            await services.aclose()
            for answer in (
                await http.get("/display"),
                await http.post("/readings", json={"plan": 1}),
                await http.post("/readings", json={"plan": 1}, headers={"Idempotency-Key": "once"}),
            ):
                assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
                assert answer.headers["Content-Type"] == "application/problem+json"
                assert answer.json()["detail"] == "No replica of the service answers; try again."


async def test_a_live_page_behind_it_shows_what_comes_by_any(engine: Engine, schema: str, tmp_path: Path) -> None:
    settings = settings_for(engine, schema, trusted_proxies=PROXY)
    async with (
        running(settings) as one,
        running(settings) as another,
        configured(tmp_path, before(one, another)) as url,
        connect(f"{url.replace('http', 'ws')}/live?period=1h", max_size=None) as socket,
    ):
        for number, service in enumerate((one, another, one, another)):
            await service.http.post("/readings", json={"series": f"s{number}", "plan": 1})
            async with asyncio.timeout(20):
                while f"s{number}<" not in str(await socket.recv()):
                    pass


def _answers(service: Running) -> Counter[str]:
    """How many requests a service has answered, by route."""
    found: Counter[str] = Counter()
    for family in service.parts.metrics.registry.collect():
        for sample in family.samples:
            if sample.name == "taktline_http_responses_total":
                found[sample.labels["route"]] += int(sample.value)
    return found
