"""Connections that can't be made, that end, or that only seem to be open."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from emitter.producer import Link, Producer, Rejected, Unreachable
from tests.desk import Desk, make_batches, refuse
from tests.emitter.producer.sending import Sending

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_handshake_that_will_always_fail_ends_it(status: int) -> None:
    async with Desk().open() as desk:
        desk.handshakes = [(status, {}, b'{"status":%d,"detail":"This token is unknown."}' % status)]
        sending = Sending(desk, token="secret")
        with pytest.raises(Rejected, match=rf"refused the connection: HTTP {status} .*, This token is unknown"):
            await sending.send(make_batches(1))
    assert desk.headers[0]["Authorization"] == "Bearer secret"
    assert sending.waiting == 1


@pytest.mark.parametrize("status", [404, 429, 500, 502, 503])
async def test_a_handshake_that_may_succeed_later_is_tried_again(status: int) -> None:
    async with Desk().open() as desk:
        desk.handshakes = [(status, {}, b"")] * 2
        sending = Sending(desk)
        await sending.send(make_batches(1))
    assert len(desk.headers) == 3
    assert list(desk.committed) == ["b0"]


async def test_a_handshake_waits_as_long_as_the_service_asks() -> None:
    async with Desk().open() as desk:
        desk.handshakes = [(503, {"Retry-After": "1"}, b"")]
        start = asyncio.get_running_loop().time()
        await Sending(desk).send(make_batches(1))
    assert asyncio.get_running_loop().time() - start >= 1


async def test_unauthorised_in_mid_stream_ends_it_and_refuses_nothing() -> None:
    async def expire(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        await socket.send(refuse(401, frame["id"]))

    async with Desk(expire).open() as desk:
        sending = Sending(desk)
        with pytest.raises(Rejected, match="401: no"):
            await sending.send(make_batches(2))
    assert sending.waiting == 2
    assert sending.refused == []


async def test_silence_ends_the_connection_and_all_is_sent_again() -> None:
    async def mute(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        if desk.received.count(frame["id"]) > 1:
            await desk.accept(socket, frame)

    async with Desk(mute).open() as desk:
        sending = Sending(desk, ack_timeout=0.2)
        await sending.send(make_batches(4))
    assert desk.received == ["b0", "b1", "b2", "b3"] * 2
    assert sending.tally.connections == 2


async def test_one_batch_that_is_never_answered_is_sent_again_too() -> None:
    async def forget(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        if frame["id"] != "b0" or desk.received.count("b0") > 1:
            await desk.accept(socket, frame)

    async with Desk(forget).open() as desk:
        sending = Sending(desk, ack_timeout=0.1)
        await sending.send(make_batches(40), pause=0.02)
    assert len(desk.committed) == 40
    assert desk.received.count("b0") == 2


class Wire:
    """Forwards TCP connections. While `dead` is set, nothing comes through them any more, although they stay open."""

    def __init__(self, port: int) -> None:
        self.dead = False
        self._port = port
        self._tasks: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[str]:
        server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        try:
            yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            server.close()

    async def _join(self, near: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        far, forth = await asyncio.open_connection("127.0.0.1", self._port)
        wires = (self._pump(near, forth, self.dead), self._pump(far, back, self.dead))
        self._tasks.update(asyncio.ensure_future(wire) for wire in wires)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, was_dead: bool) -> None:
        try:
            while data := await reader.read(65536):
                if self.dead == was_dead:
                    writer.write(data)
        finally:
            writer.close()


async def test_an_idle_connection_that_died_is_noticed() -> None:
    async with Desk().open() as desk:
        wire = Wire(desk.port)
        async with wire.open() as url:
            link = Link(url=url, ping_interval=0.1, ping_timeout=0.1)
            async with asyncio.timeout(5), Producer(link) as producer:
                await producer.send_batch(make_batches(1)[0])
                await producer.drained()
                wire.dead = True  # for this connection only
                while producer.tally.connections < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
                await producer.send_batch(make_batches(2)[1])
    assert list(desk.committed) == ["b0", "b1"]


async def test_nobody_there_is_given_up_in_a_sentence() -> None:
    async with Desk().open() as desk:
        pass
    sending = Sending(desk, patience=0.3)
    with pytest.raises(Unreachable, match=r"ws://127\.0\.0\.1:\d+/ has taken nothing for 0\.3 s: Connection refused\."):
        await sending.send(make_batches(1))


async def it_is_said(answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any], reason: str) -> None:
    """Why nothing can be sent to a server that answers like this."""
    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        desk = Desk()
        desk.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(Unreachable, match=reason):
            await Sending(desk, patience=0.2).send(make_batches(1))


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", r"the connection was closed without an answer \(is it the port of the service\?\)"),
        (b"220 mail ESMTP\r\n", "what answers there isn't a WebSocket service, but says '220 mail ESMTP'"),
        (b"SSH-2.0-OpenSSH", "what answers there isn't a WebSocket service, but says 'SSH-2.0-OpenSSH'"),
        (b"5.5.5\x00\x01\xff\n", r"what answers there isn't a WebSocket service\."),
        (b"\x15\x03\x03\x00\x02\x02\x46", r"what answers there speaks TLS \(is the address wss:// or https://\?\)"),
        (b"HTTP/1.1 101 Swi", "connection lost in the middle of an answer"),
    ],
)
async def test_whatever_else_answers_there_is_described(said: bytes, reason: str) -> None:
    def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()

    await it_is_said(greet, reason)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"x" * 200_000, r"what answers there isn't a WebSocket service, but says 'x{60}'"),
        (b"HTTP/1.1 200 " + b"x" * 200_000, "what answers there sends more than a WebSocket service does"),
    ],
)
async def test_an_answer_without_an_end_is_described(said: bytes, reason: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    await it_is_said(answer, reason)


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        (
            "https://u:pw@there.example:9433/ws?key=k",
            r"leads to https://there\.example:9433/ws \(is the address wss://there\.example:9433/ws\?\)\.$",
        ),
        ("mailto:someone", r"leads to mailto:someone, which is no WebSocket service\.$"),
    ],
)
async def test_where_it_leads_is_said(location: str, reason: str) -> None:
    async with Desk().open() as desk:
        desk.handshakes = [(301, {"Location": location}, b"")] * 100
        with pytest.raises(Unreachable, match=f"what answers there {reason}"):
            await Sending(desk, patience=0.2).send(make_batches(1))


async def test_an_address_that_websockets_do_not_have_is_said_without_its_password() -> None:
    desk = Desk()
    desk.url = "gopher://me:secret@there/"
    with pytest.raises(Unreachable) as caught:
        await Sending(desk, patience=0.2).send(make_batches(1))
    assert "gopher://there/ isn't the address of a WebSocket service" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"220 mail ESMTP\r\n", "what answers there isn't a WebSocket service, but says '220 mail ESMTP'"),
        (b"SSH-2.0-Open", "what answers there isn't a WebSocket service, but says 'SSH-2.0-Open'"),
        (b"HTTP/1.1 101 Swi", "what answers there doesn't finish its answer"),
    ],
)
async def test_whoever_greets_and_waits_is_described_by_the_greeting(said: bytes, reason: str) -> None:
    writers = []

    def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(said)

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        desk = Desk()
        desk.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        try:
            with pytest.raises(Unreachable, match=reason):
                await Sending(desk, patience=0.2, ack_timeout=0.2).send(make_batches(1))
        finally:
            for writer in writers:
                writer.close()


async def test_whoever_closes_where_tls_is_expected_is_described() -> None:
    """As PostgreSQL does."""

    async def close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.close()

    async with await asyncio.start_server(close, "127.0.0.1", 0) as server:
        desk = Desk()
        desk.url = f"wss://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(Unreachable, match="the connection was closed without an answer"):
            await Sending(desk, patience=0.2).send(make_batches(1))


async def test_who_says_nothing_at_all_is_described() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        desk = Desk()
        desk.url = f"ws://127.0.0.1:{server.getsockname()[1]}/"
        with pytest.raises(Unreachable, match="the connection was made, but nothing answers there"):
            await Sending(desk, patience=0.2, ack_timeout=0.2).send(make_batches(1))


async def test_overload_for_ever_is_given_up_too() -> None:
    async def busy(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        await socket.send(refuse(503, frame["id"]))

    async with Desk(busy).open() as desk:
        with pytest.raises(Unreachable, match="503: no"):
            await Sending(desk, patience=0.3).send(make_batches(10))


async def test_a_password_is_not_shown() -> None:
    assert Link(url="ws://me:secret@there:1/ws").name == "ws://there:1/ws"
