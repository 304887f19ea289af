"""Requests over plain sockets, with details that client libraries hide."""

import asyncio
import re
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from service.errors import Unavailable
from service.store.pool import Pool
from tests.harness import Running, stored
from tests.raw_http import WEBSOCKET, statuses, talk

pytestmark = pytest.mark.anyio

SETTINGS = "AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA"
H2C = f"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: {SETTINGS}\r\n"
UPGRADES = {
    "java.net.http.HttpClient": H2C,
    "curl --http2": H2C.replace(SETTINGS, "AAMAAABkAAQAoAAAAAIAAAAA"),
    "two lines": "Connection: Upgrade\r\nConnection: keep-alive\r\nUpgrade: h2c\r\nUpgrade: foo/2\r\n",
    "a WebSocket's": WEBSOCKET,
}
NEXT = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def request(headers: str, body: bytes, *, chunked: bool = False, method: str = "POST", path: str = "/write") -> bytes:
    if chunked:
        half = len(body) // 2
        body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:half], body[half:])) + b"0\r\n\r\n"
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    return f"{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}{length}\r\n\r\n".encode() + body


def splits(text: bytes) -> Iterator[tuple[bytes, bytes]]:
    return ((text[:at], text[at:]) for at in range(1, len(text)))


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("upgrade", UPGRADES)
async def test_a_body_behind_an_upgrade_is_written(shared: Running, name: str, upgrade: str, chunked: bool) -> None:
    sent = request(UPGRADES[upgrade], f"{name} plan=1,fact=2".encode(), chunked=chunked)
    assert statuses(await talk(shared, sent + NEXT)) == [204, 200]
    assert len(await stored(shared, name, 1)) == 1


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("upgrade", ["java.net.http.HttpClient", "a WebSocket's"])
async def test_a_body_behind_an_upgrade_is_read_wherever_it_is_split(
    shared: Running, upgrade: str, chunked: bool
) -> None:
    """And the next request is answered as well: https://github.com/Kludex/uvicorn/issues/2722."""
    body = b'[{"plan": 1}, {"fact": "many"}]'  # the error at its end shows that all of it was read
    headers = f"Content-Type: application/json\r\n{UPGRADES[upgrade]}"
    sent = request(headers, body, chunked=chunked, path="/readings") + NEXT
    pieces = list(splits(sent))
    for start in range(0, len(pieces), 100):
        answers = await asyncio.gather(*(talk(shared, *both) for both in pieces[start : start + 100]))
        assert {tuple(statuses(answer)) for answer in answers} == {(422, 200)}
        assert all(b"fact: must be a number" in answer for answer in answers)


@pytest.mark.parametrize("split", [False, True])
@pytest.mark.parametrize("method", ["POST", "GET", "PUT"])
@pytest.mark.parametrize("upgrade", UPGRADES)
async def test_no_body_is_taken_for_a_request(shared: Running, upgrade: str, method: str, split: bool) -> None:
    smuggled = b"GET /schema/openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    head, body = request(UPGRADES[upgrade], smuggled, method=method, path="/livez").split(b"\r\n\r\n", 1)
    whole = head + b"\r\n\r\n" + body
    answer = await talk(shared, *((head + b"\r\n\r\n", body, NEXT) if split else (whole + NEXT,)))
    assert statuses(answer) == [200 if method == "GET" else 405, 200]
    assert b"openapi" not in answer


async def test_requests_one_behind_the_other_each_with_an_upgrade(shared: Running, name: str) -> None:
    sent = b"".join(request(H2C, f"{name} plan={number}".encode()) for number in range(5))
    assert statuses(await talk(shared, sent + NEXT)) == [204] * 5 + [200]
    assert len(await stored(shared, name, 5)) == 5


async def test_a_large_body_behind_an_upgrade_arrives_whole(shared: Running, name: str) -> None:
    lines = "\n".join(f"{name} plan=1 {1_700_000_000_000_000_000 + number}" for number in range(10_000))
    sent = request(H2C + "Expect: 100-continue\r\n", lines.encode())
    assert statuses(await talk(shared, sent[:200], sent[200:], NEXT)) == [100, 204, 200]
    answer = await shared.http.get("/display", params={"series": name, "per_page": 1})
    assert answer.json()["total"] == 10_000


@pytest.mark.parametrize("split", [False, True])
async def test_a_socket_takes_the_frames_that_come_with_its_handshake(shared: Running, name: str, split: bool) -> None:
    head = f"GET /ws HTTP/1.1\r\nHost: x\r\n{WEBSOCKET}\r\n".encode()
    text = b'{"plan": 7, "series": "%b"}' % name.encode()
    frames = b"\x81" + bytes([0x80 | len(text)]) + bytes(4) + text + b"\x88\x82" + bytes(4) + b"\x03\xe8"
    answer = await talk(shared, *((head, frames) if split else (head + frames,)))
    assert statuses(answer) == [101]
    assert answer.endswith(b"\r\n\r\n\x88\x02\x03\xe8")
    assert [item["plan"] for item in await stored(shared, name, 1)] == [7]


async def test_a_socket_behind_an_answered_request_and_none_behind_a_waiting_one(shared: Running) -> None:
    first = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
    handshake = f"GET /ws HTTP/1.1\r\nHost: x\r\n{WEBSOCKET}\r\n".encode()
    assert statuses(await talk(shared, first + handshake + NEXT)) == [200, 426, 200]
    place = urlsplit(shared.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(first)
    assert b"200 OK" in await reader.readuntil(b'"ok"}')
    writer.write(handshake)
    assert b"101 Switching" in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    writer.close()


async def test_connect_is_refused_and_nothing_behind_it_read(shared: Running, name: str) -> None:
    behind = request("", f"{name} plan=1".encode())
    answer = await talk(shared, b"CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n", behind)
    assert statuses(answer) == [400]
    assert b"CONNECT is for proxies" in answer


@pytest.mark.parametrize("version", ["1.0", "0.9"])
@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("path", ["/readings?format=csv", "/chart", "/", "/schema/openapi.json", "/livez", "/nowhere"])
async def test_answers_to_http_1_0_end_with_the_connection(
    shared: Running, path: str, gzip: bool, version: str
) -> None:
    """HTTP/1.0 is used by nginx, whose `proxy_http_version` is 1.0 by default, by `ab` and by old embedded clients."""
    encoding = "Accept-Encoding: gzip\r\n" if gzip else ""
    head, _, body = (
        await talk(shared, f"GET {path} HTTP/{version}\r\nHost: x\r\nConnection: keep-alive\r\n{encoding}\r\n".encode())
    ).partition(b"\r\n\r\n")
    told = head.lower()
    assert b"transfer-encoding" not in told
    assert b"connection: close" in told
    plain = await shared.http.get(path, headers={"Accept": "*/*", "Accept-Encoding": "gzip" if gzip else "identity"})
    assert plain.headers.get("content-encoding", "").encode() in told
    assert body
    if b"content-length" in told:
        assert int(told.split(b"content-length: ")[1].split(b"\r\n")[0]) == len(body)
    else:
        assert body[:2] == b"\x1f\x8b" or not re.match(rb"[0-9a-f]+\r\n", body)


async def test_live_events_over_http_1_0(shared: Running) -> None:
    place = urlsplit(shared.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(b"GET /live HTTP/1.0\r\nHost: x\r\n\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    assert b"chunked" not in head
    assert await asyncio.wait_for(reader.readuntil(b"\n\n"), 10) == b"retry: 1500\n\n"
    assert (await asyncio.wait_for(reader.readuntil(b"\n\n"), 10)).startswith(b"event: time\n")
    writer.close()


async def test_an_answer_to_http_1_0_that_breaks_off_does_not_look_whole(
    fresh: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "\n".join(f'{{"ts": {1_700_000_000 + number}, "plan": 1}}' for number in range(30_000))
    await fresh.http.post("/readings", content=rows, headers={"Content-Type": "application/x-ndjson"})
    copying, parts = Pool.copy, list[str]()

    async def breaking(pool: Pool, name: str, *args: object) -> tuple[bytes, int]:
        if parts:
            raise Unavailable("The database went away.")
        copied = await copying(pool, name, *args)
        if copied[1]:
            parts.append(name)
        return copied

    monkeypatch.setattr(Pool, "copy", breaking)
    with pytest.raises(ConnectionResetError):
        await talk(fresh, b"GET /readings?from=2023-01-01 HTTP/1.0\r\nHost: x\r\n\r\n")
    assert len(parts) == 1


async def test_a_connection_is_kept_longer_than_clients_keep_it(shared: Running) -> None:
    # many clients keep a connection for 5 seconds; with the same limit the service would close connections in use
    place = urlsplit(shared.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        writer.write(NEXT.replace(b"Connection: close\r\n", b""))
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(6)
        writer.write(NEXT)
        assert statuses(await asyncio.wait_for(reader.read(), 10)) == [200]
    finally:
        writer.close()
