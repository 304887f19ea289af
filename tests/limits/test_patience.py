"""Clients that take too long are given up, and no others."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect

from service.limits.patience import RATE, Patience, Wait
from tests.conftest import Engine, dropped_schema, settings_for
from tests.harness import Running, counted, free_port, running, stored, until
from tests.raw_http import WEBSOCKET, statuses, talk

pytestmark = pytest.mark.anyio

HANDSHAKE = f"GET / HTTP/1.1\r\nHost: x\r\n{WEBSOCKET}\r\n".encode()
POST = b"POST /readings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"


@pytest.fixture(scope="session")
async def hasty(engine: Engine) -> AsyncIterator[Running]:
    """A service that gives clients up after fractions of a second, but keeps idle ones."""
    hurry = Patience(silence=0.5, head=0.3, body=0.3, text=0.3, answer=0.3, look=0.05)
    async with dropped_schema(engine) as schema:
        settings = settings_for(engine, schema, tcp_port=free_port(), api_host="127.0.0.1")
        async with running(settings, patience=hurry) as service:
            yield service


@asynccontextmanager
async def dripping(service: Running, start: bytes, port: int | None = None) -> AsyncIterator[asyncio.StreamReader]:
    """A connection that sends a byte now and then."""
    place = urlsplit(service.url)
    reader, writer = await asyncio.open_connection(place.hostname, port or place.port)

    async def drip() -> None:
        while True:
            writer.write(b" ")
            await asyncio.sleep(0.05)

    writer.write(start)
    dripper = asyncio.create_task(drip())
    try:
        yield reader
    finally:
        dripper.cancel()
        writer.close()


@pytest.mark.parametrize(
    ("start", "said"),
    [
        (b"GET /livez HTTP/1.1\r\nX: ", b"The rest of the request's head didn't come in time."),
        (POST, b"The rest of the request's body didn't come in time."),
        (POST + b"[" + b" " * 100, b"The rest of the request's body didn't come in time."),
        (HANDSHAKE[:-2] + b"X: ", b"The rest of the request's head didn't come in time."),
    ],
    ids=["head", "body", "some of a body", "handshake"],
)
async def test_a_request_that_comes_drop_by_drop_is_refused(hasty: Running, start: bytes, said: bytes) -> None:
    before = await counted(hasty, "http", "slow")
    async with dripping(hasty, start) as reader:
        answer = await asyncio.wait_for(reader.readuntil(b"}"), 10)
        assert statuses(answer) == [408]
        assert said in answer
        assert b"Connection: close" in answer
    assert await counted(hasty, "http", "slow") == before + 1


async def test_a_frame_that_comes_drop_by_drop_is_refused(hasty: Running) -> None:
    before = await counted(hasty, "websocket", "slow")
    async with dripping(hasty, HANDSHAKE + b"\x81\xff" + (10_000).to_bytes(8) + bytes(4) + b"[") as reader:
        await reader.readuntil(b"\r\n\r\n")
        end = await asyncio.wait_for(reader.read(), 10)
    assert end[2:4] == (1008).to_bytes(2)
    assert end[4:] == b"The rest of a frame didn't come in time."
    assert await counted(hasty, "websocket", "slow") == before + 1


async def test_a_message_in_parts_that_never_ends_is_refused(hasty: Running) -> None:
    place = urlsplit(hasty.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(HANDSHAKE + b"\x01\x81" + bytes(4) + b"{")
    await reader.readuntil(b"\r\n\r\n")
    end = await asyncio.wait_for(reader.read(), 10)
    assert end[2:4] == (1008).to_bytes(2)
    writer.close()


async def test_a_text_over_tcp_that_comes_drop_by_drop_is_cut(hasty: Running) -> None:
    before = await counted(hasty, "tcp", "slow")
    async with dripping(hasty, b'{"plan": 1', hasty.parts.settings.tcp_port) as reader:
        with suppress(ConnectionResetError):
            await asyncio.wait_for(reader.read(), 10)
    assert await counted(hasty, "tcp", "slow") == before + 1


async def test_silence_between_texts_and_frames_is_no_matter(hasty: Running, name: str) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", hasty.parts.settings.tcp_port)
    async with connect(hasty.ws) as client:
        for number in range(2):
            writer.write(json.dumps({"series": name, "plan": number}).encode())
            await client.send(json.dumps({"series": name, "plan": number}))
            await asyncio.sleep(1)
    writer.close()
    assert len(await stored(hasty, name, 4)) == 4


async def test_a_connection_without_a_request_is_closed(hasty: Running) -> None:
    assert await talk(hasty) == b""


async def test_a_connection_is_closed_behind_a_body_that_was_not_wanted(hasty: Running) -> None:
    """The answer came before the body, after which uvicorn would wait for ever."""
    refused = POST.replace(b"application/json", b"image/png")
    answer = await talk(hasty, refused, b" " * 10)
    assert statuses(answer) == [415]


async def test_a_body_that_takes_its_time_is_taken(hasty: Running, name: str) -> None:
    """It comes slowly, but not too slowly."""
    place = urlsplit(hasty.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    body = json.dumps([{"series": name, "plan": 1}] * 15).encode().ljust(1000)
    writer.write(POST)
    for at in range(0, 1000, 100):
        writer.write(body[at : at + 100])
        await asyncio.sleep(0.12)
    assert statuses(await asyncio.wait_for(reader.readuntil(b"}"), 10)) == [200]
    writer.close()


async def test_an_answer_that_nobody_reads_is_cut(hasty: Running, name: str) -> None:
    for _ in range(8):  # more than what the system keeps of it
        rows = [{"series": name, "plan": 1, "text": "x" * 8000}] * 125
        assert (await hasty.http.post("/readings", json=rows)).status_code == 200
    before = await counted(hasty, "http", "unread")
    place = urlsplit(hasty.url)
    for asked in (f"/display?per_page=1000&series={name}", f"/readings?series={name}"):
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect((place.hostname, place.port))
            sock.sendall(f"GET {asked} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            async with asyncio.timeout(20):
                while await counted(hasty, "http", "unread") == before:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        before += 1
    await until(lambda: hasty.parts.memory.used == 0)


async def test_who_reads_slowly_gets_all(hasty: Running, name: str) -> None:
    for _ in range(8):
        rows = [{"series": name, "plan": 1, "text": "x" * 8000}] * 125
        assert (await hasty.http.post("/readings", json=rows)).status_code == 200
    place = urlsplit(hasty.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port, limit=2**16)
    writer.write(f"GET /readings?series={name} HTTP/1.0\r\n\r\n".encode())
    size = 0
    try:
        while piece := await reader.read(2**16):
            size += len(piece)
            await asyncio.sleep(0.02)
    finally:
        writer.close()
    assert size > 8 * 10**6


@given(st.lists(st.tuples(st.floats(0.1, 10), st.integers(0, 10_000)), max_size=20))
def test_bytes_give_time(steps: list[tuple[float, int]]) -> None:
    wait, now, done = Wait(), 100.0, 7
    assert not wait.is_over("body", 30, done, now)
    for seconds, size in steps:
        now, done = now + seconds, done + size
        assert wait.is_over("body", 30, done, now) == (now - 100 > 30 + (done - 7) / RATE)
    assert not wait.is_over("next", 30, done, now)
    wait.end()
    assert not wait.is_over("next", 0, done, now + 1000)
