"""The number of connections is limited, in all and for an address, and leaves open files for everything else."""

import asyncio
import resource
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import pytest
from httpx import AsyncClient, AsyncHTTPTransport
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from chaos import service_process
from service.errors import StartError
from service.limits.open_files import LEAST, RESERVE, most_connections
from tests.conftest import Engine, cache, dropped_schema, settings_for
from tests.harness import Running, counted, free_port, running, until

pytestmark = pytest.mark.anyio

MOST = 20
ELSEWHERE = "127.0.0.2"


@pytest.fixture(scope="session")
async def narrow(engine: Engine) -> AsyncIterator[Running]:
    """A service with few places."""
    async with dropped_schema(engine) as schema:
        settings = settings_for(engine, schema, tcp_port=free_port(), max_connections=MOST)
        async with running(settings) as service:
            yield service


@asynccontextmanager
async def silent(url: str, number: int, local: str) -> AsyncIterator[None]:
    """So many connections from an address that send nothing."""
    place = urlsplit(url)
    made = [await asyncio.open_connection(place.hostname, place.port, local_addr=(local, 0)) for _ in range(number)]
    try:
        yield
    finally:
        for _, writer in made:
            writer.close()


async def test_an_address_may_have_half_of_all_connections(narrow: Running) -> None:
    before = await counted(narrow, "http", "connections")
    from_there = AsyncHTTPTransport(local_address=ELSEWHERE)
    async with silent(narrow.url, MOST // 2, ELSEWHERE), AsyncClient(transport=from_there) as there:
        await until(lambda: narrow.parts.places.used > MOST // 2 - 1)
        refused = await there.get(f"{narrow.url}/livez")
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert "Too many connections are open, or too many from this address" in refused.json()["detail"]
        with pytest.raises(InvalidStatus):
            await connect(narrow.ws, local_addr=(ELSEWHERE, 0))
        assert (await narrow.http.get("/livez")).status_code == 200  # from another address
        assert await counted(narrow, "http", "connections") == before + 2
    await until(lambda: narrow.parts.places.used < MOST // 2 - 1)


async def test_places_are_given_back_by_every_transport(narrow: Running) -> None:
    await narrow.http.aclose()
    await until(lambda: narrow.parts.places.used == 0)
    place = urlsplit(narrow.url)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(connect(narrow.ws))
        _, tcp = await asyncio.open_connection("127.0.0.1", narrow.parts.settings.tcp_port)
        _, http = await asyncio.open_connection(place.hostname, place.port)
        await until(lambda: narrow.parts.places.used == 3)
        async with AsyncClient(base_url=narrow.url) as client:
            text = (await client.get("/metrics")).text
        assert f"taktline_connections_limit {MOST}.0" in text
        assert "taktline_connections 4.0" in text
        tcp.close()
        http.close()
    await until(lambda: narrow.parts.places.used == 0)


async def test_over_tcp_one_more_is_closed(narrow: Running) -> None:
    port = narrow.parts.settings.tcp_port
    async with silent(f"tcp://127.0.0.1:{port}", MOST // 2, ELSEWHERE):
        await until(lambda: narrow.parts.places.used >= MOST // 2)
        reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(ELSEWHERE, 0))
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
    assert "connections" in narrow.parts.metrics.exposition().decode()
    await until(lambda: narrow.parts.places.used < MOST // 2 - 1)


async def test_with_few_open_files_readings_are_committed(engine: Engine, schema: str) -> None:
    """Others may open as many connections as they like: the database, workers and files have theirs."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = {"TAKTLINE_CACHE": str(cache()), "API_HOST": "127.0.0.1", "API_PORT": str(port)}
    settings |= {"DATABASE_URL": engine.url, "DATABASE_SCHEMA": schema}
    limited = ("sh", "-c", 'ulimit -n 200 && exec "$@"', "sh")
    process = await service_process.start("service", "run_server", settings=settings, through=limited)
    try:
        await service_process.until_ready(url, 120)
        async with AsyncClient(base_url=url, timeout=30) as early, silent(url, 300, ELSEWHERE):
            answers = [await early.get("/readyz"), await early.post("/readings", json=[{"plan": 1}])]
            async with AsyncClient(base_url=url, timeout=30) as client, silent(url, 300, "127.0.0.3"):
                answers += [await client.post("/readings", json=[{"plan": 1}]) for _ in range(20)]
                answers += [
                    await client.get(path) for path in ("/", "/chart?title=new", "/display", "/schema", "/readyz")
                ]
        assert {answer.status_code for answer in answers} == {200}
    finally:
        process.terminate()
        await process.wait()


def test_the_reserve_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    limits = iter([(200, 200), (RESERVE + LEAST - 1, 200), (resource.RLIM_INFINITY, resource.RLIM_INFINITY)])
    monkeypatch.setattr(resource, "getrlimit", lambda _: next(limits))
    assert most_connections(10_000) == 200 - RESERVE
    with pytest.raises(StartError, match="ulimit -n"):
        most_connections(10_000)
    assert most_connections(10_000) == 10_000
