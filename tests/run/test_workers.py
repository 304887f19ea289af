"""Several workers as one service: one port, one answer to every question, one stop."""

import asyncio
import json
import os
import signal
import socket
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import httpx
import psutil
import pytest
from prometheus_client.parser import text_string_to_metric_families
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

import service.run.workers
from service.run.workers import run_workers
from tests.conftest import Engine, settings_for
from tests.harness import ask, free_port
from tests.processes import serving, start

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]


def on_a_server(engine: Engine) -> None:
    if engine.server.embedded:
        pytest.skip("the embedded engine has a single service")


@asynccontextmanager
async def crew(engine: Engine, schema: str, **environment: str) -> AsyncIterator[tuple[Process, str]]:
    """A service of two workers, both of which take connections."""
    on_a_server(engine)
    async with serving(engine, schema, WORKERS="2", **environment) as (process, url):
        try:
            await all_ready(url)
            yield process, url
        finally:
            for worker in workers_of(process.pid):  # of a parent that was killed
                worker.kill()


async def get(url: str, path: str) -> httpx.Response:
    """Over a connection of its own, which any worker may take."""
    async with httpx.AsyncClient(base_url=url, timeout=20) as http:
        return await http.get(path)


async def all_ready(url: str) -> None:
    async with asyncio.timeout(60):
        while True:
            with suppress(httpx.TransportError):
                if (await get(url, "/readyz")).json()["workers"] == {"wanted": 2, "ready": 2}:
                    return
            await asyncio.sleep(0.1)


async def post(url: str, count: int) -> None:
    for number in range(count):
        async with httpx.AsyncClient(base_url=url, timeout=20) as http:
            assert (await http.post("/readings", json={"plan": number})).status_code == 200


async def sample(url: str, name: str) -> float:
    text = (await get(url, "/metrics")).text
    return sum(
        one.value for family in text_string_to_metric_families(text) for one in family.samples if one.name == name
    )


def workers_of(parent: int) -> list[psutil.Process]:
    """The workers, which have processes of their own."""
    with suppress(psutil.NoSuchProcess):
        return [one for one in psutil.Process(parent).children() if one.children()]
    return []


def connections(worker: psutil.Process, url: str) -> int:
    """How many connections of clients a worker has."""
    port = int(url.rpartition(":")[2])
    return sum(
        one.status == psutil.CONN_ESTABLISHED and one.laddr.port == port for one in worker.net_connections("tcp")
    )


async def gone(processes: list[psutil.Process]) -> None:
    """Wait until none of these processes runs."""
    async with asyncio.timeout(30):
        while any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@asynccontextmanager
async def one_at_each(process: Process, url: str) -> AsyncIterator[list[Any]]:
    """Sockets, of which each worker has at least one."""
    async with AsyncExitStack() as open_:
        sockets: list[Any] = []
        while not all(connections(one, url) for one in workers_of(process.pid)):
            assert len(sockets) < 500, "a worker takes no connections"
            sockets.append(await open_.enter_async_context(connect(url.replace("http", "ws") + "/")))
        yield sockets


async def test_whichever_is_asked_answers_for_all(engine: Engine, schema: str) -> None:
    port = free_port()
    async with crew(engine, schema, TCP_PORT=str(port)) as (process, url), one_at_each(process, url) as sockets:
        for number, one in enumerate(sockets):
            assert await ask(one, {"id": f"{number}", "readings": [{"plan": 1}]}) == {"ack": f"{number}", "written": 1}
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b'{"plan": 1}')
        writer.close()
        wanted = len(sockets) + 1
        async with asyncio.timeout(20):
            while await sample(url, "taktline_readings_total") != wanted:
                pass
        for _ in range(12):
            assert await sample(url, "taktline_readings_total") == wanted
            assert await sample(url, "taktline_commit_readings_sum") == wanted
            assert await sample(url, "taktline_websockets") == len(sockets)
            assert (await get(url, "/display")).json()["total"] == wanted
        assert await sample(url, "taktline_workers") == 2
        assert await sample(url, "taktline_worker_restarts_total") == 0
        assert await sample(url, "taktline_build_info") == 1
        assert await sample(url, "process_resident_memory_bytes") > sum(
            one.memory_info().rss for one in workers_of(process.pid)
        )


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "told to stop"])
async def test_a_worker_that_ends_is_replaced_and_what_it_counted_stays(
    engine: Engine, schema: str, how: signal.Signals
) -> None:
    async with crew(engine, schema) as (process, url):
        await post(url, 20)
        counted = await sample(url, "taktline_readings_total")
        assert counted == 20
        first, other = workers_of(process.pid)
        first.send_signal(how)
        await gone([first])
        for _ in range(20):  # meanwhile the other one takes all connections
            await post(url, 1)
            before, counted = counted, await sample(url, "taktline_readings_total")
            assert counted == before + 1
        await all_ready(url)
        assert other in workers_of(process.pid)
        assert first not in workers_of(process.pid)
        assert await sample(url, "taktline_worker_restarts_total") == 1
        await post(url, 20)
        assert await sample(url, "taktline_readings_total") == counted + 20


async def test_the_service_is_degraded_where_a_worker_lacks(engine: Engine, schema: str) -> None:
    async with crew(engine, schema) as (process, url):
        first, _ = workers_of(process.pid)
        first.kill()
        await gone([first])  # until then it may have this connection
        async with asyncio.timeout(20):
            while (answer := await get(url, "/readyz")).json()["workers"]["ready"] != 1:
                pass
        assert answer.status_code == 200
        assert answer.json()["status"] == "degraded"
        assert "Only 1 of 2 workers take connections; the others are started." in answer.json()["detail"]
        await all_ready(url)


async def test_one_signal_stops_all_in_order(engine: Engine, schema: str) -> None:
    """What was accepted by any of them is committed and acknowledged."""
    async with crew(engine, schema) as (process, url), one_at_each(process, url) as sockets:
        everybody = psutil.Process(process.pid).children(recursive=True)
        for number, one in enumerate(sockets):
            for batch in range(20):
                await one.send(json.dumps({"id": f"{number} {batch}", "readings": [{"plan": 1}] * 200}))
        process.send_signal(signal.SIGTERM)
        acknowledged = 0
        for one in sockets:
            with suppress(ConnectionClosed):
                while True:
                    assert json.loads(await one.recv())["written"] == 200
                    acknowledged += 1
            assert one.close_code == 1012
        assert await asyncio.wait_for(process.wait(), 20) == 0
        await gone(everybody)
        async with serving(engine, schema) as (_, again):
            assert (await get(again, "/display")).json()["total"] == 200 * acknowledged


async def test_a_worker_that_hangs_is_killed_at_the_end_of_the_grace(engine: Engine, schema: str) -> None:
    async with crew(engine, schema, SHUTDOWN_GRACE="2s") as (process, _):
        everybody = psutil.Process(process.pid).children(recursive=True)
        workers_of(process.pid)[0].suspend()
        process.send_signal(signal.SIGTERM)
        said, err = await asyncio.wait_for(process.communicate(), 20)
        assert process.returncode == 0
        assert (said, b"a worker doesn't end in time, and is killed" in err) == (b"", True)
        await gone(everybody)


async def test_a_worker_that_says_nothing_is_replaced(
    engine: Engine, schema: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_a_server(engine)
    for name, seconds in (("COUNT_EVERY", 0.1), ("ANSWER_WITHIN", 0.2), ("SILENT_FOR", 3.0)):
        monkeypatch.setattr(service.run.workers, name, seconds)
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    settings = settings_for(engine, schema, workers=2, api_host="127.0.0.1", api_port=port)
    running = asyncio.create_task(run_workers(settings))
    await all_ready(url)
    silent, other = workers_of(os.getpid())
    silent.suspend()
    await gone([silent])
    async with asyncio.timeout(30):
        while len(workers_of(os.getpid())) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    await all_ready(url)
    assert other in workers_of(os.getpid())
    assert await sample(url, "taktline_worker_restarts_total") == 1
    signal.raise_signal(signal.SIGTERM)
    assert await asyncio.wait_for(running, 20) == 0


async def test_nobody_else_joins_at_the_port(engine: Engine, schema: str) -> None:
    async with crew(engine, schema) as (_, url):
        for workers in ("1", "2"):
            process = await start(WORKERS=workers, DATABASE_URL=engine.url, API_PORT=url.rpartition(":")[2])
            _, err = await asyncio.wait_for(process.communicate(), 60)
            assert process.returncode == 1
            assert b"Address already in use" in err


async def test_ctrl_c_reaches_the_workers_through_their_parent(engine: Engine, schema: str) -> None:
    """Twice, it leaves no more than a moment to them, and none of them takes one for two."""
    async with crew(engine, schema, SHUTDOWN_GRACE="60s") as (process, url):
        everybody = psutil.Process(process.pid).children(recursive=True)
        assert {os.getsid(one.pid) for one in workers_of(process.pid)}.isdisjoint({os.getsid(process.pid)})
        async with connect(url.replace("http", "ws") + "/") as socket_:
            await ask(socket_, {"id": "1", "readings": [{}]})
            process.send_signal(signal.SIGINT)
            with pytest.raises(ConnectionClosed, match="1012"):
                await socket_.recv()
        process.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(process.wait(), 20) == 0
        await gone(everybody)


async def test_no_worker_outlives_its_parent(engine: Engine, schema: str) -> None:
    async with crew(engine, schema) as (process, url):
        everybody = psutil.Process(process.pid).children(recursive=True)
        process.kill()
        await gone(everybody)
        with pytest.raises(httpx.TransportError):
            await get(url, "/livez")


async def test_what_keeps_it_from_starting_is_said_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        database = "postgresql://nobody@127.0.0.1:1/nothing"
        for environment, said in (
            (
                {"API_PORT": port},
                f"Can't listen on 127.0.0.1, port {port}: Address already in use. Choose another with",
            ),
            ({"API_PORT": "0", "TCP_PORT": port}, "Choose another with API_HOST and TCP_PORT."),
            ({"API_PORT": "0", "ROOT_PATH": "/chart"}, "No database answers at"),
        ):
            process = await start(WORKERS="3", DATABASE_URL=database, **environment)
            out, err = await asyncio.wait_for(process.communicate(), 60)
            assert (process.returncode, out) == (1, b"")
            [line] = [line for line in err.decode().splitlines() if line.startswith("taktline: ")]
            assert said in line
            assert "Traceback" not in err.decode()


async def test_sigterm_while_starting_ends_it() -> None:
    process = await start(WORKERS="2", DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing", API_PORT="0")
    assert process.stderr
    assert b"waiting for the database" in await asyncio.wait_for(process.stderr.readline(), 30)
    process.send_signal(signal.SIGTERM)
    _, err = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode == 130
    assert b"Traceback" not in err


async def test_the_embedded_engine_has_one() -> None:
    process = await start(WORKERS="2", API_PORT="0")
    _, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert b"WORKERS can't be 2 without DATABASE_URL: the embedded engine does one transaction at a time" in err
