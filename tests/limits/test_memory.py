"""What is held for clients is bounded, shared between addresses, and given back."""

import asyncio
import gzip
import json
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from urllib.parse import urlsplit

import pytest
from httpx import AsyncClient, AsyncHTTPTransport
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from service.errors import StartError
from service.limits.patience import Patience
from service.settings import Settings
from tests.conftest import Engine, dropped_schema, settings_for
from tests.database import connected
from tests.harness import Running, ask, counted, running, stored, until
from tests.raw_http import WEBSOCKET, statuses, talk

pytestmark = pytest.mark.anyio

BODY, FRAME, QUEUE = 2**20, 2**20, 2**20
LIMIT = QUEUE + 16 * BODY
"""So one address may hold 8 MiB."""
SOME = BODY * 9 // 10
TOO_MUCH = "The service holds as much for its clients, or for this one, as it may; try again in a moment."
ELSEWHERE = "127.0.0.2"
"""Another address of this machine."""
WHOLE = f"GET / HTTP/1.1\r\nHost: x\r\n{WEBSOCKET}\r\n".encode()


@pytest.fixture(scope="session")
async def small(engine: Engine) -> AsyncIterator[Running]:
    """A service that may hold little."""
    async with dropped_schema(engine) as schema:
        limits = {"max_body_bytes": BODY, "max_frame_bytes": FRAME, "queue_bytes": QUEUE, "memory_limit": LIMIT}
        async with running(settings_for(engine, schema, **limits), patience=Patience(look=0.05)) as service:
            yield service
            assert service.parts.memory.used == 0


@asynccontextmanager
async def clients(
    service: Running, number: int, sent: bytes, local: str = ELSEWHERE
) -> AsyncIterator[list[asyncio.StreamReader]]:
    """So many connections from an address, on each of which something was sent. Afterwards nothing is held any more."""
    place = urlsplit(service.url)
    made = [await asyncio.open_connection(place.hostname, place.port, local_addr=(local, 0)) for _ in range(number)]
    try:
        for _, writer in made:
            writer.write(sent)
        yield [reader for reader, _ in made]
    finally:
        for _, writer in made:
            writer.close()
    await until(lambda: service.parts.memory.used == 0)


@contextmanager
def unread(service: Running) -> Iterator[socket.socket]:
    """A connection whose client reads next to nothing."""
    place = urlsplit(service.url)
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.bind((ELSEWHERE, 0))
        sock.connect((place.hostname, place.port))
        sock.setblocking(False)
        yield sock


def posted(size: int, sent: int) -> bytes:
    """A request with a body of blanks, of which not all has been sent."""
    head = f"POST /readings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    return head.encode() + b" " * sent


def frame(content: bytes, opcode: int = 1) -> bytes:
    """A masked WebSocket frame of at least 126 bytes."""
    size = len(content)
    length = b"\xfe" + size.to_bytes(2) if size < 2**16 else b"\xff" + size.to_bytes(8)
    return bytes((0x80 | opcode,)) + length + bytes(4) + content


async def test_one_address_uses_up_its_share_and_no_more(small: Running, name: str) -> None:
    """Its next body is refused, with a sentence; that of another is taken, and so is its own once it has given back."""
    before = await counted(small, "/readings", "memory")
    readings = [{"series": name, "plan": 1, "text": "x" * 8000}] * 120
    async with clients(small, 8, posted(BODY, SOME)):
        await until(lambda: small.parts.memory.used >= 8 * SOME)
        async with AsyncClient(base_url=small.url, transport=AsyncHTTPTransport(local_address=ELSEWHERE)) as same:
            refused = await same.post("/readings", json=readings)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert refused.json()["detail"] == TOO_MUCH
        assert await counted(small, "/readings", "memory") == before + 1
        other = await small.http.post("/readings", json=readings)
        assert other.status_code == 200


async def test_a_gzip_body_counts_what_comes_out_of_it(small: Running) -> None:
    body = gzip.compress(b"[" + b" " * (BODY - 2))
    head = "POST /readings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
    sent = f"{head}Content-Length: {len(body) + 8}\r\n\r\n".encode() + body
    async with clients(small, 1, sent):
        await until(lambda: small.parts.memory.used > 0.9 * BODY)


async def test_rows_count_where_they_take_more_than_their_text(small: Running) -> None:
    lines = b"".join(b"m plan=1 %d\n" % (1_700_000_000 + 60 * number) for number in range(4000))
    head = f"POST /write?precision=s HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY}\r\n\r\n"
    async with clients(small, 1, head.encode() + lines):
        await until(lambda: small.parts.memory.used > 3 * len(lines))


async def test_a_frame_in_parts_counts_and_sockets_wait(small: Running, name: str) -> None:
    """A socket whose address has used up its share isn't read; when there is room again, it goes on."""
    late = f"{name} late"
    text = json.dumps({"id": late, "readings": [{"series": name, "plan": 1}]}).ljust(FRAME // 2)
    async with connect(small.ws, local_addr=(ELSEWHERE, 0)) as waiting, connect(small.ws) as fair:
        async with clients(small, 9, WHOLE + frame(b" " * SOME)[:-1]):
            await until(lambda: small.parts.memory.left(ELSEWHERE) <= 0)
            sending = asyncio.create_task(waiting.send(text))
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(waiting.recv(), 0.5)
            assert "ack" in await ask(fair, {"id": name, "readings": [{"series": name, "plan": 2}]})
        assert json.loads(await asyncio.wait_for(waiting.recv(), 10))["ack"] == late
        await sending
    assert len(await stored(small, name, 2)) == 2


async def test_who_holds_much_too_much_is_closed(small: Running) -> None:
    before = await counted(small, "websocket", "memory")
    async with connect(small.ws, local_addr=(ELSEWHERE, 0), compression=None) as client:
        with small.parts.memory.hold(ELSEWHERE) as much:
            much.set(LIMIT * 3 // 4)
            with pytest.raises(ConnectionClosed):
                await client.send(" " * SOME)
                await client.recv()
        assert (client.close_code, client.close_reason) == (1013, "Too much is held for you; try again.")
    assert await counted(small, "websocket", "memory") == before + 1
    await until(lambda: small.parts.memory.used == 0)


async def test_requests_behind_each_other_wait_as_bytes(small: Running) -> None:
    """They are all answered, and few of them are taken apart at a time."""
    most = 0

    def watch() -> None:
        nonlocal most
        for connection in small.server.server_state.connections:
            most = max(most, len(getattr(connection, "pipeline", ())))

    asks = b"GET /live/series HTTP/1.1\r\nHost: x\r\n\r\n" * 3000
    talking = asyncio.create_task(talk(small, asks + b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
    while not talking.done():
        watch()
        await asyncio.sleep(0.001)
    assert statuses(await talking) == [200] * 3001
    assert 0 < most < 300


async def test_a_body_that_is_sent_in_one_go_with_the_next_requests(small: Running, name: str) -> None:
    body = json.dumps([{"series": name, "plan": number} for number in range(3000)]).encode()
    head = posted(len(body), 0)
    last = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert statuses(await talk(small, (head + body) * 3 + last)) == [200] * 4


async def test_unread_answers_count_and_are_given_back(small: Running, name: str) -> None:
    """An answer that is larger than what is left for its address is cut off."""
    for _ in range(8):  # so that a page is larger than what the system keeps of it
        answer = await small.http.post("/readings", json=[{"series": name, "plan": 1, "text": "x" * 8000}] * 125)
        assert answer.status_code == 200
    before = await counted(small, "http", "memory")
    asking = f"GET /display?per_page=1000&series={name} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    with ExitStack() as stack:
        for _ in range(6):
            stack.enter_context(unread(small)).sendall(asking)
        async with asyncio.timeout(20):
            while await counted(small, "http", "memory") == before:
                assert small.parts.memory.used < LIMIT
                await asyncio.sleep(0.05)
    await until(lambda: small.parts.memory.used == 0)


async def test_pings_of_a_client_that_does_not_read_are_not_answered(small: Running, name: str) -> None:
    with unread(small) as sock:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(sock, WHOLE)
        ping = frame(b"p" * 125, 9).replace(b"\xfe\x00\x7d", bytes((0x80 | 125,)))
        for _ in range(100):
            await loop.sock_sendall(sock, ping * 1000)
        await loop.sock_sendall(sock, frame(json.dumps({"series": name, "plan": 1}).ljust(200).encode()))
        assert len(await stored(small, name, 1)) == 1
        assert small.parts.memory.used < 2**20


async def test_an_id_that_is_too_long_is_not_sent_back_whole(small: Running) -> None:
    async with connect(small.ws) as client:
        for long in ("x" * 500_000, ["x"] * 100_000):
            answer = await ask(client, {"id": long, "readings": []})
            assert answer["error"]["status"] == 422
            assert len(json.dumps(answer)) < 2000


async def test_errors_that_nobody_reads_are_dropped(small: Running, name: str) -> None:
    """And the good readings behind them are written."""
    faults = json.dumps([{"plan": "x", "k" * 150 + str(number): 1} for number in range(100)]).encode()
    with unread(small) as sock:
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(sock, WHOLE)
        for _ in range(1000):
            await loop.sock_sendall(sock, frame(faults))
        await loop.sock_sendall(sock, frame(json.dumps({"series": name, "plan": 1}).ljust(200).encode()))
        assert len(await stored(small, name, 1)) == 1
        assert small.parts.memory.used < LIMIT - QUEUE
    assert await counted(small, "websocket", "answer_unread") > 0


async def test_tiny_frames_that_wait_for_the_database_count(small: Running, engine: Engine, name: str) -> None:
    """Each takes many times the memory of its bytes. When the database is back, all of them are written."""
    sockets, frames = 12, 6000
    tiny = b"\x81\x8a" + bytes(4) + b'{"fact":1}'
    assert (await small.http.post("/readings", json={"series": name, "plan": 1})).status_code == 200
    async with connected(engine, small.parts.settings.database_schema) as con:
        before = await con.fetchval("select count(*) from reading")
        lock = con.transaction()
        await lock.start()
        await con.execute("lock table batch, reading")
        async with clients(small, sockets, WHOLE + tiny * frames):
            await until(lambda: small.parts.memory.left(ELSEWHERE) <= 0)
            await asyncio.sleep(0.3)
            assert small.parts.held < LIMIT
            assert (await small.http.get("/livez")).status_code == 200
            await lock.rollback()
            await until(lambda: small.parts.writer.waiting == 0 and small.parts.memory.used == 0, 60)
        assert await con.fetchval("select count(*) from reading") == before + sockets * frames


async def test_the_metrics_tell_what_is_held(small: Running) -> None:
    async with clients(small, 1, posted(BODY, BODY // 2)):
        await until(lambda: small.parts.memory.used >= BODY // 2)
        text = (await small.http.get("/metrics")).text
    values = dict(line.split(" ") for line in text.splitlines() if line.startswith("taktline_") and "{" not in line)
    assert BODY // 2 <= float(values["taktline_held_bytes"]) < BODY
    assert float(values["taktline_held_bytes_limit"]) == LIMIT


@pytest.mark.parametrize("way", ["many", "one", "address", "later"])
async def test_a_head_of_more_than_64_kib_is_refused(shared: Running, way: str) -> None:
    before = await counted(shared, "http", "head_too_large")
    start = b"GET /livez HTTP/1.1\r\nHost: x\r\n"
    sent = {
        "many": start + b"".join(b"X-%d: abc\r\n" % number for number in range(10_000)),
        "one": start + b"X: " + b"a" * 100_000,
        "address": b"GET /livez?" + b"a" * 100_000,
        "later": start + b"\r\n" + start + b"X: " + b"a" * 100_000,
    }[way]
    answer = await talk(shared, *(sent[at : at + 30_000] for at in range(0, len(sent), 30_000)))
    assert statuses(answer)[-1] == 431
    assert b"The address and the headers of this request are too long together." in answer
    assert await counted(shared, "http", "head_too_large") == before + 1


async def test_a_head_of_less_is_taken(shared: Running) -> None:
    sent = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: " + b"a" * 58_000 + b"\r\n\r\n"
    assert statuses(await talk(shared, sent)) == [200]


async def test_fields_behind_a_body_are_a_head_as_well(shared: Running) -> None:
    """What is sent there means nothing to the service, but would be kept."""
    before = await counted(shared, "http", "head_too_large")
    head = b"POST /readings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    fields = b"".join(b"X-%d: abc\r\n" % number for number in range(10_000))
    assert statuses(await talk(shared, head + b"2\r\n[]\r\n0\r\n", fields)) == [431]
    assert await counted(shared, "http", "head_too_large") == before + 1


async def test_a_body_in_many_small_chunks_is_taken(shared: Running, name: str) -> None:
    """Most of what is sent isn't the body."""
    body = json.dumps([{"series": name, "plan": 1}] * 1000).encode()
    head = b"POST /readings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n"
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
    assert statuses(await talk(shared, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")) == [200]
    assert len(await stored(shared, name, 1000)) == 1000


async def test_an_export_takes_memory_while_it_is_sent(small: Running, name: str) -> None:
    assert (await small.http.post("/readings", json=[{"series": name, "plan": 1}] * 10)).status_code == 200
    hold = small.parts.memory.hold("127.0.0.1")
    assert hold.take(small.parts.memory.limit // 2)
    try:
        refused = await small.http.get("/readings", params={"series": name})
    finally:
        hold.release()
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    whole = await small.http.get("/readings", params={"series": name})
    assert len(whole.text.splitlines()) == 10
    await until(lambda: small.parts.memory.used == 0)


async def test_an_export_gives_its_memory_back_whenever_its_client_leaves(small: Running, name: str) -> None:
    assert (await small.http.post("/readings", json=[{"series": name, "plan": 1}] * 1000)).status_code == 200
    assert (await small.http.head("/readings", params={"series": name})).status_code == 200
    place = urlsplit(small.url)
    for number in range(40):
        _, writer = await asyncio.open_connection(place.hostname, place.port)
        writer.write(f"GET /readings?series={name} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await asyncio.sleep(number / 2000)
        writer.close()
    await until(lambda: small.parts.memory.used == 0)


async def test_a_socket_closed_for_a_slow_answer_is_told_apart(small: Running) -> None:
    """A client that reads its answers is never closed."""
    async with connect(small.ws) as client:
        for number in range(50):
            assert "ack" in await ask(client, {"id": f"{id(client)} {number}", "readings": [{"plan": 1}]})
    with pytest.raises(ConnectionClosed):
        await client.recv()


def test_a_limit_that_leaves_no_room_for_a_body_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORY_LIMIT", "64MiB")
    with pytest.raises(StartError, match=r"MEMORY_LIMIT: 67108864 isn't enough; write at least 100663296, which is"):
        Settings.load()
