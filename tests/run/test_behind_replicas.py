"""Replicas of the service behind a real nginx, with the configuration of deploy/nginx/replicas.conf: what is
harmless to repeat is repeated at another one, and nothing else is."""

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.conftest import Engine, dropped_schema, settings_for
from tests.harness import Running, ask, free_port, running, stored
from tests.nginx import PROXY, configured

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]
CONFIGURATION = (Path(__file__).parents[2] / "deploy/nginx/replicas.conf").read_text(encoding="utf-8")


def before(*replicas: str) -> str:
    """The configuration with these replicas, which Docker's DNS names elsewhere."""
    upstream = "".join(f"server {one.removeprefix('http://')} max_fails=0; " for one in replicas)
    text, count = re.subn(
        r"resolver 127\.0\.0\.11 .*;\n *set \$replicas service:8080;", "set $replicas here;", CONFIGURATION
    )
    assert count == 1
    return f"upstream here {{ {upstream}}}\n{text}"


@asynccontextmanager
async def cutting() -> AsyncIterator[str]:
    """The address of a replica that is killed in the middle of each request: it takes it, and never answers."""

    async def cut(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.close()

    async with await asyncio.start_server(cut, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture(scope="module")
async def public(
    engine: Engine, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Running, httpx.AsyncClient]]:
    """A service, and a client that asks an nginx before it and before a replica that is always being killed."""
    async with (
        dropped_schema(engine) as schema,
        running(settings_for(engine, schema, trusted_proxies=PROXY)) as service,
        cutting() as killed,
        configured(tmp_path_factory.mktemp("nginx"), before(service.url, killed)) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as client,
    ):
        yield service, client


Public = tuple[Running, httpx.AsyncClient]


async def test_what_is_asked_for_is_always_answered(public: Public) -> None:
    _, client = public
    answers = [await client.get(path) for path in ("/display", "/chart?format=json", "/livez") for _ in range(4)]
    assert Counter(answer.status_code for answer in answers) == {200: 12}


async def test_a_batch_with_an_id_is_repeated_and_written_once(public: Public) -> None:
    service, client = public
    for number in range(8):
        headers = {"Idempotency-Key": f"repeated {number}"}
        answer = await client.post("/readings", json={"fact": 1, "series": "repeated"}, headers=headers)
        assert (answer.status_code, answer.json()) == (200, {"written": 1, "duplicate": False})
    assert len(await stored(service, "repeated", 8)) == 8


async def test_a_batch_without_one_is_sent_once_and_its_producer_told(public: Public) -> None:
    service, client = public
    answers = [await client.post("/readings", json={"fact": 1, "series": "once"}) for _ in range(8)]
    told = [answer for answer in answers if answer.status_code != 200]
    assert told
    for answer in told:
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == 503
    assert len(await stored(service, "once", 8 - len(told))) == 8 - len(told)


async def test_a_large_batch_passes(public: Public) -> None:
    _, client = public
    lines = b'{"fact": 1, "series": "large", "note": "%s"}\n' % (b"x" * 400) * 6000
    answer = await client.post(
        "/readings",
        content=lines,
        headers={"Content-Type": "application/x-ndjson", "Idempotency-Key": "large"},
    )
    assert (answer.status_code, answer.json()["written"]) == (200, 6000)


async def test_sockets_and_events_pass(engine: Engine, tmp_path: Path) -> None:
    async with (
        dropped_schema(engine) as schema,
        running(settings_for(engine, schema, trusted_proxies=PROXY)) as service,
        configured(tmp_path, before(service.url, f"http://127.0.0.1:{free_port()}")) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as client,
    ):
        for number in range(4):  # the second replica isn't there
            async with connect(url.replace("http", "ws", 1)) as socket:
                envelope = {"id": f"batch {number}", "readings": [{"fact": 1, "series": "sockets"}]}
                assert await ask(socket, envelope) == {"ack": f"batch {number}", "written": 1}
        async with client.stream("GET", "/live", headers={"Accept": "text/event-stream"}) as stream:
            assert stream.status_code == 200
            async with asyncio.timeout(30):
                first = await anext(stream.aiter_lines())
            assert re.match("(event|data|id|retry):|:", first)


async def test_where_no_replica_is_there_clients_are_told_to_try_again(tmp_path: Path) -> None:
    async with (
        configured(tmp_path, before(f"http://127.0.0.1:{free_port()}")) as url,
        httpx.AsyncClient(base_url=url, timeout=30) as client,
    ):
        for headers in ({}, {"Idempotency-Key": "one"}):
            answer = await client.post("/readings", json={"fact": 1}, headers=headers)
            assert (answer.status_code, answer.json()["status"]) == (503, 503)
            assert answer.headers["retry-after"] == "2"
