"""While the database is unavailable for some seconds, nothing acknowledged is lost, and nothing is acknowledged that
isn't stored."""

import asyncio
import json
import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from chaos.proxy import Proxy
from tests.conftest import Engine
from tests.faults import behind_proxy, numbers, proxied
from tests.harness import Running
from tests.processes import serving

pytestmark = pytest.mark.anyio

LIMIT, SHARE = 500, 375
"""The most readings that may wait to be written, and the most of one sender."""
SIZE = 20
"""The readings in a batch."""


def refuse(between: Proxy) -> None:
    """Refuse all connections to the database."""
    between.refusing = True
    between.cut()


def readings(number: int) -> list[dict[str, Any]]:
    return [{"plan": SIZE * number + each} for each in range(SIZE)]


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await condition():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def ready(service: Running) -> bool:
    return (await service.http.get("/readyz")).status_code == 200


async def waiting(service: Running, unit: str = "readings") -> float:
    """How many readings, or bytes, wait to be written, according to /metrics."""
    lines = (await service.http.get("/metrics")).text.splitlines()
    [line] = [line for line in lines if line.startswith(f"taktline_waiting_{unit} ")]
    return float(line.split()[1])


async def flood(socket: ClientConnection, count: int) -> None:
    for number in range(count):
        await socket.send(json.dumps({"id": f"frame {number}", "readings": readings(number)}))


async def collect(socket: ClientConnection, answers: list[Any]) -> None:
    while True:
        answers.append(json.loads(await socket.recv()))


@pytest.mark.parametrize("fail", [refuse, Proxy.stall], ids=["refused", "silent"])
async def test_an_outage_under_load(engine: Engine, schema: str, fail: Callable[[Proxy], None]) -> None:
    async with behind_proxy(engine, schema, queue_readings=LIMIT) as (service, between), connect(service.ws) as socket:
        answers: list[Any] = []
        collecting = asyncio.create_task(collect(socket, answers))
        await service.http.post("/readings", json={"plan": -1})
        fail(between)
        # answers that were on their way may still arrive
        known = len(answers)
        sending = asyncio.create_task(flood(socket, 200))
        posts = [asyncio.create_task(service.http.post("/readings", json=readings(1000 + n))) for n in range(60)]
        refused, _ = await asyncio.wait(posts, return_when=asyncio.FIRST_COMPLETED)
        await asyncio.sleep(1)
        refused, held = await asyncio.wait(posts, timeout=0.1)
        assert len(answers) == known, "an acknowledgement that can't be true"
        assert refused
        for post in refused:
            assert post.result().status_code == 503, "an acknowledgement that can't be true"
            assert int(post.result().headers["Retry-After"]) >= 1
        asked = time.monotonic()
        answer = await service.http.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["detail"]
        assert time.monotonic() - asked < 5  # much sooner than the time that a chart may take
        assert SHARE - SIZE <= await waiting(service) <= SHARE
        between.refusing = False
        between.resume()
        await sending
        written = [post for post in held if (await post).status_code == 200]
        assert written == list(held)
        async with asyncio.timeout(20):
            while len(answers) < 200:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        collecting.cancel()
        await until(lambda: ready(service))
        assert await waiting(service) == 0
        assert answers == [{"ack": f"frame {number}", "written": SIZE} for number in range(200)]
        committed = [n for n, post in enumerate(posts) if post.result().status_code == 200]
    expected = [-1, *range(200 * SIZE)]
    expected += [SIZE * (1000 + number) + each for number in committed for each in range(SIZE)]
    assert await numbers(engine, schema) == expected


async def test_the_queue_is_bounded_in_bytes(engine: Engine, schema: str) -> None:
    """There are few readings, but large ones. A socket whose frames wait isn't read."""
    async with behind_proxy(engine, schema, queue_bytes=200_000) as (service, between):
        refuse(between)
        big = {"text": "x" * 7000}
        async with connect(service.ws, close_timeout=1) as socket, asyncio.timeout(30):
            posts = [asyncio.create_task(service.http.post("/readings", json=[big] * 10)) for _ in range(6)]
            done, held = await asyncio.wait(posts, timeout=2)
            assert (len(done), len(held)) == (4, 2)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(2):
                    while True:
                        await socket.send(json.dumps([big] * 100))
            assert 0 < await waiting(service, "bytes") <= 200_000
            between.refusing = False
            assert [(await post).status_code for post in held] == [200, 200]


async def test_a_socket_that_waits_outlives_its_pings(engine: Engine, schema: str) -> None:
    """While a socket isn't read, answers to pings can't arrive, and the client must not be taken for dead."""
    async with behind_proxy(engine, schema, queue_readings=SIZE) as (service, between):
        assert service.server.config.ws_ping_timeout is not None
        assert service.server.config.ws_ping_timeout >= 600  # long enough for an outage of ten minutes
        service.server.config.ws_ping_interval, service.server.config.ws_ping_timeout = 0.1, 20
        async with connect(service.ws, ping_interval=None) as socket:
            refuse(between)
            sending = asyncio.create_task(flood(socket, 100))
            await asyncio.sleep(3)
            between.refusing = False
            await sending
            async with asyncio.timeout(20):
                answers = [json.loads(await socket.recv()) for _ in range(100)]
    assert [answer["written"] for answer in answers] == [SIZE] * 100


async def test_a_clients_pings_are_answered_while_its_frames_wait(engine: Engine, schema: str) -> None:
    """Most client libraries send pings by default, and close the connection where no pong comes."""
    async with behind_proxy(engine, schema, queue_readings=SIZE) as (service, between):
        async with connect(service.ws, ping_interval=0.2, ping_timeout=0.5) as socket:
            refuse(between)
            await flood(socket, 8)
            await asyncio.sleep(3)
            between.refusing = False
            async with asyncio.timeout(20):
                answers = [json.loads(await socket.recv()) for _ in range(8)]
        assert service.parts.memory.used == 0
    assert answers == [{"ack": f"frame {number}", "written": SIZE} for number in range(8)]
    assert await numbers(engine, schema) == list(range(8 * SIZE))


async def test_a_connection_that_says_nothing_any_more_is_given_up(engine: Engine, schema: str) -> None:
    """This happens after a failover: new connections work, but nothing arrives on the existing ones, not even their
    end."""
    async with behind_proxy(engine, schema) as (service, between):
        service.parts.store.batches.transaction_limit = 1.0
        for number in range(3):
            answer = await service.http.post("/readings", json={"plan": number})
            assert answer.status_code == 200
            between.forget()
    assert await numbers(engine, schema) == [0, 1, 2]


@pytest.mark.parametrize("fail", [refuse, Proxy.stall], ids=["refused", "silent"])
async def test_sigterm_in_an_outage(engine: Engine, schema: str, fail: Callable[[Proxy], None]) -> None:
    """It ends within its grace, what is acknowledged is stored, and no answer is wrong."""
    async with proxied(engine) as (between, url):
        behind = Engine(url, engine.server)
        async with (
            serving(behind, schema, SHUTDOWN_GRACE="4s", QUEUE_READINGS=str(LIMIT)) as (process, address),
            connect(address.replace("http", "ws") + "/") as socket,
            httpx.AsyncClient(base_url=address, timeout=30) as http,
        ):
            answers: list[Any] = []
            await socket.send(json.dumps({"id": "before", "readings": readings(0)}))
            answers.append(json.loads(await socket.recv()))
            fail(between)
            sending = asyncio.create_task(flood(socket, 100))
            post = asyncio.create_task(http.post("/readings", json={"plan": -1}))
            await asyncio.sleep(1)
            process.send_signal(signal.SIGTERM)
            started = time.monotonic()
            with pytest.raises(ConnectionClosed):
                await collect(socket, answers)
            assert await asyncio.wait_for(process.wait(), 20) == 0
            took = time.monotonic() - started
            assert process.stderr
            told = (await process.stderr.read()).decode()
            outcome = await post
            assert (socket.close_code, socket.close_reason) == (1012, "The service is shutting down.")
            await asyncio.gather(sending, return_exceptions=True)
        between.refusing = False
        between.resume()
    assert answers == [{"ack": "before", "written": SIZE}]
    assert outcome.status_code == 503
    assert outcome.headers["Retry-After"]
    assert "Traceback" not in told
    assert 1.8 < took < 4 + 1, took  # generous, since the machine may be busy
    assert await numbers(engine, schema) == list(range(SIZE))


async def test_a_second_sigint_ends_it_at_once_even_in_an_outage(engine: Engine, schema: str) -> None:
    async with proxied(engine) as (between, url):
        behind = Engine(url, engine.server)
        async with serving(behind, schema, SHUTDOWN_GRACE="60s") as (process, address):
            async with connect(address.replace("http", "ws") + "/") as socket:
                refuse(between)
                await socket.send(json.dumps({"id": "waits", "readings": readings(0)}))
                await asyncio.sleep(0.5)
                for _ in range(2):
                    process.send_signal(signal.SIGINT)
                    await asyncio.sleep(0.5)
                with pytest.raises(ConnectionClosed) as closed:
                    await socket.recv()
            assert await asyncio.wait_for(process.wait(), 15) == 0
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    assert await numbers(engine, schema) == []
