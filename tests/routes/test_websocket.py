"""Readings over a WebSocket, with a real client against a real uvicorn."""

import asyncio
import json
from urllib.parse import urlsplit

import msgspec
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from service.run.websocket_protocol import MAX_FRAGMENTS
from siege.wire import CONTINUATION, PING, TEXT, frame
from tests.harness import Running, ask, counted, stored
from tests.raw_http import WEBSOCKET

pytestmark = pytest.mark.anyio


async def upgraded(service: Running) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection after the handshake of a WebSocket."""
    place = urlsplit(service.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(f"GET / HTTP/1.1\r\nHost: x\r\n{WEBSOCKET}\r\n".encode())
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    return reader, writer


@pytest.mark.parametrize("path", ["", "ws"])
async def test_an_envelope_is_acknowledged_after_commit(shared: Running, name: str, path: str) -> None:
    readings = [{"plan": 40, "fact": 38, "series": name}, {"plan": 41, "series": name}]
    async with connect(shared.ws + path) as socket:
        assert await ask(socket, {"id": name, "readings": readings}) == {"ack": name, "written": 2}
        assert len(await stored(shared, name, 2)) == 2
        assert await ask(socket, {"id": name, "readings": readings}) == {"ack": name, "duplicate": True}
    assert len(await stored(shared, name, 2)) == 2


async def test_an_id_with_other_content_is_refused(shared: Running, name: str) -> None:
    async with connect(shared.ws) as socket:
        await ask(socket, {"id": name, "readings": [{"plan": 1, "series": name}]})
        answer = await ask(socket, {"id": name, "readings": [{"plan": 2, "series": name}]})
    assert answer["id"] == name
    assert answer["error"]["status"] == 422
    assert len(await stored(shared, name, 1)) == 1


async def test_the_same_id_from_two_sockets_at_once_is_written_once(shared: Running, name: str) -> None:
    frame = {"id": name, "readings": [{"plan": 1, "series": name}]}
    async with connect(shared.ws) as one, connect(shared.ws) as other:
        answers = await asyncio.gather(ask(one, frame), ask(other, frame))
    assert sorted(answers, key=len) == sorted([{"ack": name, "written": 1}, {"ack": name, "duplicate": True}], key=len)
    assert len(await stored(shared, name, 1)) == 1


async def test_a_flood_of_tiny_frames_is_taken_in_order(shared: Running, name: str) -> None:
    """It is parsed in steps. The last frame is cut by the end of the connection, and costs nothing but itself."""
    reading = frame(TEXT, json.dumps({"series": name}).encode())
    reader, writer = await upgraded(shared)
    writer.write(reading * 5000 + frame(PING, b"") * 5000 + reading[:-1])
    writer.write_eof()
    await reader.read()
    writer.close()
    answer = await shared.http.get("/display", params={"per_page": 1, "series": name})
    for _ in range(200):
        if answer.json()["total"] == 5000:
            break
        await asyncio.sleep(0.05)
        answer = await shared.http.get("/display", params={"per_page": 1, "series": name})
    assert answer.json()["total"] == 5000


@pytest.mark.parametrize("fragments", [MAX_FRAGMENTS, MAX_FRAGMENTS + 1])
async def test_a_message_has_only_so_many_fragments(shared: Running, name: str, fragments: int) -> None:
    before = await counted(shared, "websocket", "too_large")
    text = json.dumps({"id": name, "readings": [{"series": name}]}).encode()
    sent = frame(TEXT, text, last=False) + frame(CONTINUATION, b"", last=False) * (fragments - 2)
    reader, writer = await upgraded(shared)
    writer.write(sent + frame(CONTINUATION, b""))
    start = await asyncio.wait_for(reader.read(100), 10)
    writer.close()
    if fragments <= MAX_FRAGMENTS:
        assert json.loads(start[2:]) == {"ack": name, "written": 1}
    else:
        assert (start[0] & 0x0F, int.from_bytes(start[2:4]), start[4 : 2 + start[1]]) == (
            8,
            1009,
            b"more than 4,096 fragments",
        )
        assert await counted(shared, "websocket", "too_large") == before + 1


async def test_nothing_is_sent_back_for_a_plain_reading(shared: Running, name: str) -> None:
    async with connect(shared.ws) as socket:
        await socket.send(json.dumps({"plan": 40, "fact": 38, "series": name}))
        await socket.send(json.dumps([{"plan": 1, "series": name}, {"plan": 2, "series": name}]))
        assert await ask(socket, {"id": name, "readings": []}) == {"ack": name, "written": 0}
    assert sorted(item["plan"] for item in await stored(shared, name, 3)) == [1, 2, 40]


async def test_one_connection_a_reading_by_clients_that_never_read(shared: Running, name: str) -> None:
    """This is how service A sends: connect, send, close."""
    for number in range(20):
        async with connect(shared.ws) as socket:
            await socket.send(json.dumps({"plan": number, "fact": number, "series": name}))
    assert sorted(item["plan"] for item in await stored(shared, name, 20)) == list(range(20))


async def test_free_form_documents_are_kept_as_attributes(shared: Running, name: str) -> None:
    """This is how service B sends: any object, which has an `id` of its own."""
    document = {"id": f"pc-{name}", "cpu": {"cores": 4, "model": "Ж"}, "disks": [1, 2], "series": name}
    async with connect(shared.ws) as socket:
        await socket.send(json.dumps(document))
        [item] = await stored(shared, name, 1)
    assert (item["plan"], item["fact"]) == (None, None)
    assert item["attributes"] == {key: value for key, value in document.items() if key != "series"}


async def test_a_bad_frame_is_answered_and_the_socket_lives_on(shared: Running, name: str) -> None:
    async with connect(shared.ws) as socket:
        for bad in ('{"plan": "x"}', "no json", "[1]", "5", '{"plan": NaN}', "", "\0", "[" * 10_000):
            await socket.send(bad)
            answer = json.loads(await asyncio.wait_for(socket.recv(), 10))
            assert answer["error"]["status"] in (400, 422), bad
            assert answer["error"]["detail"]
            assert "id" not in answer
        await socket.send(json.dumps({"id": name, "readings": [{"plan": 1}, {"note": "\ud83d"}]}))
        answer = json.loads(await asyncio.wait_for(socket.recv(), 10))
        assert (answer["id"], answer["error"]["status"], answer["error"]["errors"][0]["field"]) == (name, 422, "note")
        await socket.send(json.dumps({"id": "\ud83d", "readings": []}))
        answer = json.loads(await asyncio.wait_for(socket.recv(), 10))
        assert (answer["id"], answer["error"]["status"]) == (None, 422)
        bad_batch = {"id": name, "readings": [{"plan": 1, "series": name}, {"fact": True}]}
        answer = await ask(socket, bad_batch)
        assert answer["id"] == name
        assert [(one["index"], one["field"]) for one in answer["error"]["errors"]] == [(1, "fact")]
        good = {"id": name, "readings": [{"plan": 7, "series": name}]}
        assert await ask(socket, good) == {"ack": name, "written": 1}
    assert [item["plan"] for item in await stored(shared, name, 1)] == [7]


async def test_a_binary_frame_is_messagepack(shared: Running, name: str) -> None:
    async with connect(shared.ws) as socket:
        await socket.send(msgspec.msgpack.encode({"id": name, "readings": [{"plan": 1.5, "series": name}]}))
        assert json.loads(await socket.recv()) == {"ack": name, "written": 1}
        # in another format it is still the same batch
        assert (await ask(socket, {"id": name, "readings": [{"plan": 1.5, "series": name}]})) == {
            "ack": name,
            "duplicate": True,
        }
        await socket.send(b"\xc1")
        assert json.loads(await socket.recv())["error"]["status"] == 400


@pytest.mark.parametrize("start", ["", " \n", "\ufeff"])
@pytest.mark.parametrize("binary", [False, True])
async def test_json_in_frames_of_either_kind(shared: Running, name: str, start: str, binary: bool) -> None:
    """Many clients send JSON in binary frames."""
    text = start + json.dumps({"id": name, "readings": [{"plan": 1.5, "series": name}]})
    async with connect(shared.ws) as socket:
        await socket.send(text.encode() if binary else text)
        assert json.loads(await socket.recv()) == {"ack": name, "written": 1}
        await socket.send(f"\ufeff{text}".encode("utf-16-le"))
        assert json.loads(await socket.recv())["error"]["detail"] == "This is UTF-16; send UTF-8."


async def test_a_window_of_batches_is_answered_in_order(shared: Running, name: str) -> None:
    async with connect(shared.ws) as socket:
        for number in range(100):
            readings = [{"plan": number, "series": name}] * 10
            await socket.send(json.dumps({"id": f"{name}-{number}", "readings": readings}))
        answers = [json.loads(await asyncio.wait_for(socket.recv(), 10)) for _ in range(100)]
    assert answers == [{"ack": f"{name}-{number}", "written": 10} for number in range(100)]


async def test_a_client_in_the_middle_of_its_frame_reads_the_close_code(shared: Running) -> None:
    """A simple client that doesn't read while it sends would otherwise see a reset connection without a reason."""
    place = urlsplit(shared.ws)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    writer.write(
        f"GET / HTTP/1.1\r\nHost: {place.netloc}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
    size = 20 * 2**20
    writer.write(b"\x81\xff" + size.to_bytes(8, "big") + bytes(4))
    for _ in range(size // 2**16):
        writer.write(b" " * 2**16)
        await writer.drain()
    head = await asyncio.wait_for(reader.readexactly(4), 10)
    assert (head[0], int.from_bytes(head[2:4], "big")) == (0x88, 1009)
    writer.close()


async def test_a_frame_that_is_too_large_closes_1009(shared: Running) -> None:
    async with connect(shared.ws) as socket:
        await socket.send("x" * (2**20 + 1))
        with pytest.raises(ConnectionClosed) as caught:
            await asyncio.wait_for(socket.recv(), 10)
    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == 1009
    assert 'taktline_refused_total{reason="too_large",where="websocket"}' in (await shared.http.get("/metrics")).text


async def test_a_batch_of_too_many_readings_is_refused_by_its_id(shared: Running, name: str) -> None:
    async with connect(shared.ws) as socket:
        answer = await ask(socket, {"id": name, "readings": [{}] * 200_001})
        assert (answer["id"], answer["error"]["status"]) == (name, 413)
        await socket.send(json.dumps([{}] * 200_001))
        assert json.loads(await socket.recv())["error"]["status"] == 413
        assert (await ask(socket, {"id": name, "readings": [{}]}))["ack"] == name


async def test_errors_nobody_reads_do_not_hold_up_the_good_readings(shared: Running, name: str) -> None:
    async with connect(shared.ws, max_queue=1) as socket:
        for number in range(3000):
            await socket.send('{"plan": "bad"}')
            if number % 100 == 0:
                await socket.send(json.dumps({"plan": number, "series": name}))
        assert len(await stored(shared, name, 30)) == 30
        socket.transport.abort()


async def test_stopping_commits_and_acknowledges_first(fresh: Running, name: str) -> None:
    async with connect(fresh.ws) as socket:
        for number in range(200):
            await socket.send(json.dumps({"id": f"{name}-{number}", "readings": [{"plan": 1, "series": name}] * 100}))
        answers = [json.loads(await socket.recv())]
        fresh.service.lifecycle.begin()
        with pytest.raises(ConnectionClosed) as caught:
            while True:
                answers.append(json.loads(await asyncio.wait_for(socket.recv(), 10)))
        assert caught.value.rcvd is not None
        assert caught.value.rcvd.code == 1012
    assert all(answer["written"] == 100 for answer in answers)
    # exactly the acknowledged readings are stored: nothing was accepted and then lost
    assert await fresh.parts.store.records.count() == 100 * len(answers)
