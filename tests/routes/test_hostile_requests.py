"""What was tried without success: requests that are made to be read in two ways, or to reach what isn't theirs."""

import asyncio
import json
import struct
from urllib.parse import quote, urlsplit

import msgspec
import pytest
from websockets.asyncio.client import connect

from tests.harness import Running, ask
from tests.raw_http import statuses, talk

pytestmark = pytest.mark.anyio

LOOK = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
"""A request that somebody hides behind another."""
UNCLEAR = {
    "both lengths": b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a coding that is none": b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a signed length": b"Content-Length: +2\r\n\r\n{}",
    "a space before the colon": b"Content-Length : 2\r\n\r\n{}",
    "a folded line": b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a NUL": b"Transfer-Encoding: \0chunked\r\n\r\n0\r\n\r\n",
    "a size with a sign": b"Transfer-Encoding: chunked\r\n\r\n+2\r\n{}\r\n0\r\n\r\n",
    "a size in a 0x": b"Transfer-Encoding: chunked\r\n\r\n0x2\r\n{}\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("unclear", UNCLEAR)
async def test_a_body_whose_end_is_unclear_is_refused_and_nothing_behind_it_read(shared: Running, unclear: str) -> None:
    """Otherwise a proxy in front could take one request for two, or two for one."""
    head = b"POST /readings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    assert statuses(await talk(shared, head + UNCLEAR[unclear] + LOOK)) == [400]


@pytest.mark.parametrize(
    "path",
    [
        "/assets/../service/app.py",
        "/assets/%2e%2e/app.py",
        "/assets/..%2f..%2fetc/passwd",
        "/assets/%00",
        "/assets/swagger/../../../../etc/passwd",
        "/assets/swagger/%2e%2e%2f%2e%2e%2fpackage.json",
        "/assets//etc/passwd",
        "//evil.example",
        "//evil.example/%2e%2e",
        "/display/..;/metrics",
    ],
)
async def test_paths_lead_nowhere_else(shared: Running, path: str) -> None:
    answer = await talk(shared, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert statuses(answer) == [404]
    assert b"location:" not in answer.lower()


async def test_no_parameter_adds_a_header(shared: Running) -> None:
    broken = quote("x\r\nX-Mine: 1\r\n\r\n<b>")
    for address in (
        f"/chart?format={broken}",
        f"/chart?title={broken}&format=svg",
        f"/chart?series={broken}&format=png",
        f"/display?series={broken}",
        f"/display?format=csv&series={broken}",
        f"/readings?format={broken}",
        f"/?series={broken}",
        f"/sign-in?then={broken}",
        f"/live?series={broken}&{broken}=1",
    ):
        answer = await talk(shared, f"GET {address} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
        assert b"\r\nx-mine" not in answer.partition(b"\r\n\r\n")[0].lower(), address


async def test_texts_are_no_templates(shared: Running, name: str) -> None:
    text = "{{ 7 * 7 }}{% raw %}${7*7}%s%(a)s{0.__class__}"
    readings = [{"series": f"{name} {text}", "plan": 1, "fact": 1}]
    assert (await shared.http.post("/readings", json=readings)).status_code == 200
    for address, accept in (
        ("/chart", "image/svg+xml"),
        ("/chart", "text/html"),
        ("/", "text/html"),
        ("/display", "text/html"),
    ):
        parameters = {"series": f"{name} {text}", **({"title": text} if address == "/chart" else {})}
        answer = await shared.http.get(address, params=parameters, headers={"Accept": accept})
        assert answer.status_code == 200
        assert "49" not in answer.text.partition("7 * 7")[2][:40]
    answer = await shared.http.get("/chart", params={"time_format": "{0.__class__}", "format": "svg"})
    assert answer.status_code in (200, 400)
    assert "<class" not in answer.text


@pytest.mark.parametrize(
    "bomb",
    [
        b"\xdd" + struct.pack(">I", 2**32 - 1),
        b"\xdf" + struct.pack(">I", 2**32 - 1),
        b"\xdb" + struct.pack(">I", 2**32 - 1),
        b"\xc6" + struct.pack(">I", 2**32 - 1),
        b"\xc9" + struct.pack(">I", 2**32 - 1) + b"\1",
        b"\x91" * 900,
        b"\x91" * 200_000,
        msgspec.msgpack.encode([[{"plan": 1}] * 2]),
    ],
    ids=["array", "map", "text", "bytes", "extension", "nested", "very deep", "an array in an array"],
)
async def test_messagepack_that_promises_more_than_it_has(shared: Running, bomb: bytes) -> None:
    async with connect(shared.ws) as socket:
        await socket.send(bomb)
        assert json.loads(await asyncio.wait_for(socket.recv(), 5))["error"]["status"] in (400, 422)
        assert (await ask(socket, {"id": "after", "readings": []})).keys() & {"ack", "error"}


@pytest.mark.parametrize("media_type", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize("inside", ["[", '{"a":', '[{"a":['])
async def test_json_that_is_very_deep(shared: Running, media_type: str, inside: str) -> None:
    answer = await shared.http.post("/readings", content=inside * 200_000, headers={"Content-Type": media_type})
    assert answer.status_code in (400, 413, 422)
    assert answer.json()["detail"]


async def test_compression_of_frames_is_not_agreed_to(shared: Running) -> None:
    async with connect(shared.ws, compression="deflate") as socket:
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers


async def test_a_text_that_comes_byte_by_byte_keeps_nobody_else(shared: Running, name: str) -> None:
    place = urlsplit(shared.url)
    slow = [await asyncio.open_connection(place.hostname, place.port) for _ in range(50)]
    sent = b"POST /readings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{"
    try:
        for at in range(len(sent)):
            for _, writer in slow:
                writer.write(sent[at : at + 1])
            await asyncio.sleep(0)
        answer = await shared.http.post("/readings", json={"series": name, "plan": 1})
        assert answer.status_code == 200
    finally:
        for _, writer in slow:
            writer.close()
