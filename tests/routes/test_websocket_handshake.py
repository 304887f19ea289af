"""How WebSockets are opened, and when they are ended."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.conftest import Engine, settings_for
from tests.harness import Running, ask, counted, running, stored
from tests.raw_http import WEBSOCKET, statuses, talk

pytestmark = pytest.mark.anyio
SILENCE = 0.8
MASKED = bytes(4)
"""A mask that doesn't change the frame."""


def frame(text: str) -> bytes:
    return b"\x81" + bytes([0x80 | len(text)]) + MASKED + text.encode()


@pytest.fixture
async def impatient(engine: Engine, schema: str) -> AsyncIterator[Running]:
    """A service that pings ten times a second, and ends a silent connection in less than a second."""
    async with running(settings_for(engine, schema), ping=0.1, silence=SILENCE) as service:
        yield service


async def opened(service: Running) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A WebSocket of a client that answers no pings."""
    place = urlsplit(service.ws)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(f"GET / HTTP/1.1\r\nHost: x\r\n{WEBSOCKET}\r\n".encode())
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


async def test_who_only_sends_is_never_cut_off(impatient: Running, name: str) -> None:
    reader, writer = await opened(impatient)
    began, sent = time.monotonic(), 0
    while time.monotonic() < began + 2.5 * SILENCE:
        writer.write(frame(json.dumps({"plan": sent, "series": name})))
        sent += 1
        await asyncio.sleep(SILENCE / 8)
    assert not reader.at_eof()
    assert len(await stored(impatient, name, sent)) == sent
    writer.close()


async def test_a_frame_in_parts_is_a_sign_of_life(impatient: Running, name: str) -> None:
    reader, writer = await opened(impatient)
    whole = frame(json.dumps({"plan": 1, "series": name}))
    for number in range(len(whole)):
        writer.write(whole[number : number + 1])
        await asyncio.sleep(2 * SILENCE / len(whole))
    assert not reader.at_eof()
    await stored(impatient, name, 1)
    writer.close()


async def test_who_answers_pings_stays(impatient: Running, name: str) -> None:
    async with connect(impatient.ws, ping_interval=None) as socket:
        await asyncio.sleep(2 * SILENCE)
        assert await ask(socket, {"id": name, "readings": []}) == {"ack": name, "written": 0}


async def test_who_sends_nothing_at_all_goes(impatient: Running) -> None:
    reader, writer = await opened(impatient)
    told = await asyncio.wait_for(reader.read(), 10)
    assert told.count(b"\x89\x04") >= 3  # there were several pings, although none was answered
    assert b"\x03\xf3keepalive ping timeout" in told
    writer.close()


@pytest.mark.parametrize("path", ["readings", "ws/x", "nowhere", "chart?from=-1h"])
async def test_where_there_is_no_socket_it_is_said(
    shared: Running, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    before = await counted(shared, "websocket", "no_socket")
    with pytest.raises(InvalidStatus) as caught:
        await connect(shared.ws + path)
    response = caught.value.response
    assert response.status_code == 404
    told = json.loads(response.body or b"")
    assert (
        told["detail"]
        == f"There is no WebSocket at /{path.split('?')[0]}; readings are taken by the ones at / and /ws."
    )
    assert await counted(shared, "websocket", "no_socket") == before + 1
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


@pytest.mark.parametrize("path", ["", "/", "ws", "ws/", "?token=x"])
async def test_where_there_is_one(shared: Running, path: str) -> None:
    async with connect(shared.ws + path):
        pass


@pytest.mark.parametrize("version", ["8", "14", "13, 8", "x", None])
async def test_another_version_is_told_ours(shared: Running, version: str | None) -> None:
    before = await counted(shared, "websocket", "handshake")
    told = f"Sec-WebSocket-Version: {version}\r\n" if version else ""
    sent = WEBSOCKET.replace("Sec-WebSocket-Version: 13\r\n", told)
    answer = await talk(shared, f"GET / HTTP/1.1\r\nHost: x\r\n{sent}\r\n".encode())
    assert statuses(answer) == [426]
    head, body = answer.split(b"\r\n\r\n")
    assert {b"Sec-WebSocket-Version: 13", b"Upgrade: websocket"} <= set(head.split(b"\r\n"))
    assert "Only version 13" in json.loads(body)["detail"]
    assert await counted(shared, "websocket", "handshake") == before + 1


@pytest.mark.parametrize(
    "broken",
    [
        WEBSOCKET.replace("dGhlIHNhbXBsZSBub25jZQ==", "short"),
        WEBSOCKET.split("Sec-WebSocket-Key")[0],
        WEBSOCKET + "X: y\r\n" * 130,
    ],
    ids=["key", "no key", "too many headers"],
)
async def test_a_handshake_that_is_none_is_answered(shared: Running, broken: str) -> None:
    before = await counted(shared, "websocket", "handshake")
    answer = await talk(shared, f"GET / HTTP/1.1\r\nHost: x\r\n{broken}\r\n".encode())
    assert statuses(answer) == [400]
    assert await counted(shared, "websocket", "handshake") == before + 1


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (None, None),
        (["taktline.v1"], "taktline.v1"),
        (["json", "taktline.v1"], "taktline.v1"),
        (["mqtt", "graphql-ws"], None),
    ],
)
async def test_subprotocols(shared: Running, name: str, offered: list[str] | None, chosen: str | None) -> None:
    async with connect(shared.ws, subprotocols=offered) as socket:  # type: ignore[arg-type]
        assert socket.subprotocol == chosen
        assert await ask(socket, {"id": name, "readings": []}) == {"ack": name, "written": 0}
