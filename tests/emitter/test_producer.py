"""The emitter's sender and commands against a small server that keeps the contract, and misbehaves when told to."""

import asyncio
import json
import os
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from emitter.answers import Answer, Duplicate, Refusal, Written
from emitter.client import Sender
from emitter.delivery import deliver
from emitter.errors import Rejected, Unreachable
from emitter.link import Link
from emitter.outbox import Outbox
from emitter.readings import Batch, envelope
from emitter.spool import Spool

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
Script = Callable[["Desk", ServerConnection, dict[str, Any]], Awaitable[None]]


SPOOLS: list[Spool] = []


def make_spool(size: int) -> Spool:
    """A spool in memory that is closed when the test is over."""
    SPOOLS.append(Spool(None, size))
    return SPOOLS[-1]


@pytest.fixture(autouse=True)
def _no_spool_is_left_open() -> Iterator[None]:
    yield
    while SPOOLS:
        SPOOLS.pop().close()


class Desk:
    """A service in miniature: commits each batch once, answers as the contract says, or as the script does."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Desk.accept
        self.committed: dict[str, list[dict[str, Any]]] = {}
        self.received: list[str] = []
        self.frames: list[str | bytes] = []
        self.headers: list[Headers] = []
        self.handshakes: list[tuple[int, dict[str, str], bytes]] = []
        """Answers to the next handshakes, in place of the usual one."""
        self.url = ""
        self._server: Server

    def commit(self, frame: dict[str, Any]) -> dict[str, Any]:
        """Commits, and gives the answer."""
        if (known := self.committed.get(frame["id"])) is not None:
            return {"ack": frame["id"], "duplicate": True} if known == frame["readings"] else self.taken(frame["id"])
        self.committed[frame["id"]] = frame["readings"]
        return {"ack": frame["id"], "written": len(frame["readings"])}

    @staticmethod
    def taken(batch_id: str) -> dict[str, Any]:
        detail = "This batch id was committed before with other content."
        errors = [{"index": 0, "field": "id", "detail": "was committed before with other content"}]
        return {"error": {"type": "about:blank", "status": 422, "detail": detail, "errors": errors}, "id": batch_id}

    async def accept(self, socket: ServerConnection, frame: dict[str, Any]) -> None:
        await socket.send(json.dumps(self.commit(frame)))

    async def handle(self, socket: ServerConnection) -> None:
        async for message in socket:
            frame = json.loads(message)
            self.frames.append(message)
            self.received.append(frame["id"])
            await self.script(self, socket, frame)

    def shake(self, socket: ServerConnection, request: Request) -> Response | None:
        self.headers.append(request.headers)
        if not self.handshakes:
            return None
        status, headers, body = self.handshakes.pop(0)
        headers = {"Content-Length": str(len(body)), "Connection": "close"} | headers
        return Response(status, HTTPStatus(status).phrase, Headers(headers), body)

    @asynccontextmanager
    async def open(self, port: int = 0, max_size: int = 2**20) -> AsyncIterator["Desk"]:
        server = serve(self.handle, "127.0.0.1", port, process_request=self.shake, max_size=max_size, close_timeout=0.1)
        async with server as self._server:
            self.url = f"ws://127.0.0.1:{self.port}/"
            yield self

    @property
    def port(self) -> int:
        port = next(iter(self._server.sockets)).getsockname()[1]
        assert isinstance(port, int)
        return port


def make_batches(count: int, size: int = 0) -> list[Batch]:
    filler = f',"note":"{"x" * size}"' if size else ""
    return [envelope(f"b{n}", [b'{"ts":%d,"fact":%d%b}' % (n, n, filler.encode())]) for n in range(count)]


def refuse(status: int, batch_id: str | None, **extra: object) -> str:
    return json.dumps({"error": {"type": "about:blank", "status": status, "detail": "no", **extra}, "id": batch_id})


class Sending:
    """A sender with a spool in memory, and what it was told."""

    def __init__(self, desk: Desk, spool: Spool | None = None, **link: Any) -> None:
        self.spool = spool or make_spool(2**20)
        self.answers: list[tuple[str, Answer]] = []
        self.sender = Sender(Outbox(self.spool), Link(url=desk.url, **link), self._note)

    def _note(self, batch: Batch, answer: Answer, seconds: float) -> None:
        assert 0 <= seconds < 10
        self.answers.append((batch.id, answer))

    async def send(self, batches: Sequence[Batch]) -> None:
        """Until all is answered, or the sender gives up."""
        async with asyncio.timeout(5):
            assert await deliver(self.sender, self._put(batches), asyncio.Event(), 1)

    async def _put(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            await self.sender.outbox.put(batch)


async def test_batches_arrive_in_order_and_leave_the_spool() -> None:
    batches = make_batches(50)
    async with Desk().open() as desk:
        sending = Sending(desk)
        await sending.send(batches)
    assert desk.received == [batch.id for batch in batches]
    assert desk.frames == [batch.payload.decode() for batch in batches]
    assert sending.spool.batches == 0
    assert sending.sender.tally.written == 50
    assert sending.answers[:2] == [("b0", Written("b0", 1)), ("b1", Written("b1", 1))]


async def test_no_more_than_the_window_is_in_flight() -> None:
    release = asyncio.Event()
    most = 0

    async def hold(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        nonlocal most
        most = max(most, len(desk.received) - len(desk.committed))
        if len(desk.received) == 4:
            asyncio.get_running_loop().call_later(0.1, release.set)
        if len(desk.received) < 4:
            held.append(frame)
            return
        await release.wait()
        for each in (*held, frame):
            await desk.accept(socket, each)
        held.clear()

    held: list[dict[str, Any]] = []
    async with Desk(hold).open() as desk:
        sending = Sending(desk, window=4)
        await sending.send(make_batches(20))
    assert most == 4
    assert len(desk.committed) == 20


async def test_a_cut_in_mid_window_loses_and_doubles_nothing() -> None:
    async def cut(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        answer = desk.commit(frame)
        if len(desk.received) in (3, 11, 12):
            socket.transport.abort()  # committed, and the answer is lost
        else:
            await socket.send(json.dumps(answer))

    batches = make_batches(30)
    async with Desk(cut).open() as desk:
        sending = Sending(desk)
        await sending.send(batches)
    assert list(desk.committed) == [batch.id for batch in batches]
    tally = sending.sender.tally
    assert tally.connections >= 3
    assert tally.written + tally.duplicates == 30
    assert tally.duplicates >= 2
    assert tally.retries > 0
    assert ("b2", Duplicate("b2")) in sending.answers
    sent = {json.loads(frame)["id"]: frame for frame in desk.frames}
    assert all(sent[json.loads(frame)["id"]] == frame for frame in desk.frames), "sent again in other words"


async def test_the_service_restarts_and_the_rest_is_sent_to_the_new_one() -> None:
    async def leave(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        await desk.accept(socket, frame)
        if len(desk.committed) == 5:
            await socket.close(1012)

    async with Desk(leave).open() as desk:
        sending = Sending(desk)
        await sending.send(make_batches(10))
    assert len(desk.committed) == 10
    assert sending.sender.tally.connections == 2


async def test_what_is_refused_is_put_aside_and_the_rest_goes_on() -> None:
    async def judge(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        if frame["id"] in ("b1", "b3"):
            errors = [{"index": 0, "field": "fact", "detail": "must be a finite number"}]
            await socket.send(refuse(422, frame["id"], errors=errors))
        else:
            await desk.accept(socket, frame)

    async with Desk(judge).open() as desk:
        sending = Sending(desk)
        await sending.send(make_batches(5))
    assert list(desk.committed) == ["b0", "b2", "b4"]
    assert desk.received.count("b1") == 1
    assert sending.sender.tally.refused == 2
    assert sending.spool.refused()[0] == ("b1", "422: no (reading 1 fact: must be a finite number)")
    assert [isinstance(answer, Refusal) for _, answer in sending.answers].count(True) == 2


@pytest.mark.parametrize("status", [429, 503])
async def test_not_now_is_sent_again_after_a_pause(status: int) -> None:
    async def later(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        if desk.received.count(frame["id"]) == 1 and frame["id"] in ("b1", "b2"):
            await socket.send(refuse(status, frame["id"], retry_after=0.05))
        else:
            await desk.accept(socket, frame)

    async with Desk(later).open() as desk:
        sending = Sending(desk)
        await sending.send(make_batches(6))
    assert sorted(desk.committed) == [f"b{n}" for n in range(6)]
    assert sending.sender.tally.connections == 1
    assert sending.sender.tally.retries == 2


async def test_an_answer_without_an_id_is_traced_to_its_batch() -> None:
    async def puzzle(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        if frame["id"] == "b4":
            await socket.send(refuse(400, None))
        else:
            await desk.accept(socket, frame)

    async with Desk(puzzle).open() as desk:
        sending = Sending(desk)
        await sending.send(make_batches(9))
    assert sorted(desk.committed) == [f"b{n}" for n in range(9) if n != 4]
    assert [batch_id for batch_id, _ in sending.spool.refused()] == ["b4"]


async def test_a_frame_that_is_too_large_is_found_and_put_aside() -> None:
    batches = make_batches(8)
    batches[3] = make_batches(4, size=50_000)[3]
    async with Desk().open(max_size=10_000) as desk:
        sending = Sending(desk)
        await sending.send(batches)
    assert sorted(desk.committed) == [f"b{n}" for n in range(8) if n != 3]
    assert sending.spool.refused() == [("b3", "413: The frame is too large")]


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_a_handshake_that_will_always_fail_ends_it(status: int) -> None:
    async with Desk().open() as desk:
        desk.handshakes = [(status, {}, b'{"status":%d,"detail":"This token is unknown."}' % status)]
        sending = Sending(desk, token="secret")
        with pytest.raises(Rejected, match=rf"refused the connection: HTTP {status} .*, This token is unknown"):
            await sending.send(make_batches(1))
    assert desk.headers[0]["Authorization"] == "Bearer secret"
    assert sending.spool.batches == 1


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
    assert sending.spool.batches == 2
    assert sending.spool.refused() == []


async def test_silence_ends_the_connection_and_all_is_sent_again() -> None:
    async def mute(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        if desk.received.count(frame["id"]) > 1:
            await desk.accept(socket, frame)

    async with Desk(mute).open() as desk:
        sending = Sending(desk, ack_timeout=0.2)
        await sending.send(make_batches(4))
    assert desk.received == ["b0", "b1", "b2", "b3"] * 2
    assert sending.sender.tally.connections == 2


async def test_one_batch_that_is_never_answered_is_sent_again_too() -> None:
    async def forget(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        if frame["id"] != "b0" or desk.received.count("b0") > 1:
            await desk.accept(socket, frame)

    async def drip(sending: Sending) -> None:
        for batch in make_batches(40):
            await sending.sender.outbox.put(batch)
            await asyncio.sleep(0.02)

    async with Desk(forget).open() as desk:
        sending = Sending(desk, ack_timeout=0.1)
        async with asyncio.timeout(5):
            await deliver(sending.sender, drip(sending), asyncio.Event(), 1)
    assert len(desk.committed) == 40
    assert desk.received.count("b0") == 2


class Wire:
    """A TCP connection through which nothing comes any more once it is `dead`, though it stands."""

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
            spool = make_spool(2**20)
            link = Link(url=url, ping_interval=0.1, ping_timeout=0.1)
            sender = Sender(Outbox(spool), link)
            sending = asyncio.create_task(sender.run())
            async with asyncio.timeout(5):
                await sender.outbox.put(make_batches(1)[0])
                await sender.outbox.drained()
                wire.dead = True  # for this connection; the next one finds it alive
                while sender.tally.connections < 2:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
                await sender.outbox.put(make_batches(2)[1])
                await sender.outbox.drained()
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)
    assert list(desk.committed) == ["b0", "b1"]


async def test_nobody_there_is_given_up_in_a_sentence() -> None:
    async with Desk().open() as desk:
        pass
    sending = Sending(desk, patience=0.3)
    with pytest.raises(Unreachable, match=r"ws://127\.0\.0\.1:\d+/ has taken nothing for 0\.3 s: Connection refused\."):
        await sending.send(make_batches(1))


@pytest.mark.parametrize(
    ("said", "reason"),
    [(b"", "connection lost"), (b"220 mail ESMTP\r\n", "what answers there isn't a WebSocket service")],
)
async def test_whatever_else_answers_there_is_described(said: bytes, reason: str) -> None:
    def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        desk = Desk()
        desk.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        with pytest.raises(Unreachable, match=reason):
            await Sending(desk, patience=0.2).send(make_batches(1))


async def test_overload_for_ever_is_given_up_too() -> None:
    async def busy(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        await socket.send(refuse(503, frame["id"]))

    async with Desk(busy).open() as desk:
        with pytest.raises(Unreachable, match="503: no"):
            await Sending(desk, patience=0.3).send(make_batches(10))


async def test_a_password_is_not_shown() -> None:
    assert Link(url="ws://me:secret@there:1/ws").name == "ws://there:1/ws"


async def test_a_producer_waits_for_room_in_the_spool() -> None:
    most = 0

    async def look(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        nonlocal most
        most = max(most, sending.spool.bytes)
        await desk.accept(socket, frame)

    async with Desk(look).open() as desk:
        sending = Sending(desk, make_spool(1000))
        await sending.send(make_batches(200))
    assert len(desk.committed) == 200
    assert 500 < most <= 1000


async def test_told_to_stop_it_waits_for_the_last_answers() -> None:
    stop = asyncio.Event()

    async def slow(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        stop.set()
        await asyncio.sleep(0.1)
        await desk.accept(socket, frame)

    async def produce(sending: Sending) -> None:
        sending.sender.outbox.offer(make_batches(1)[0])
        await asyncio.Event().wait()

    async with Desk(slow).open() as desk:
        sending = Sending(desk)
        async with asyncio.timeout(5):
            assert not await deliver(sending.sender, produce(sending), stop, 2)
    assert sending.sender.tally.written == 1


# The commands


class Emitters:
    """Emitter processes in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[Process] = []

    async def start(self, *arguments: str, **environment: str) -> Process:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        own = {"PYTHONPATH": str(ROOT), "EMITTER_SPOOL": str(self._folder / "spool.sqlite")}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "emitter", *arguments),
            cwd=self._folder,
            env=kept | own | environment,
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
        )
        self._processes.append(process)
        return process

    async def finish(self, process: Process) -> tuple[int, str, str]:
        """Status, output, log."""
        async with asyncio.timeout(10):
            output, log = await process.communicate()
        assert process.returncode is not None
        assert b"Traceback" not in log, log.decode()
        return process.returncode, output.decode(), log.decode()

    async def emit(self, *arguments: str, **environment: str) -> tuple[int, str, str]:
        return await self.finish(await self.start(*arguments, **environment))

    async def kill(self) -> None:
        for process in self._processes:
            if process.returncode is None:
                process.kill()
                await process.communicate()


@pytest.fixture
async def emitters(tmp_path: Path) -> AsyncIterator[Emitters]:
    emitters = Emitters(tmp_path)
    yield emitters
    await emitters.kill()


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - another process makes it true
            await asyncio.sleep(0.02)


async def test_run_sends_readings_one_by_one(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        status, output, log = await emitters.emit(
            *("run", "--url", desk.url, "--interval", "250ms", "--count", "4", "--series", "a", "--series", "b"),
        )
    assert status == 0
    assert output.startswith("8 readings written, 0 duplicates, 0 refused, 0 dropped, 0 waiting in ")
    assert log.count("acknowledged") == 4
    batches = list(desk.committed.values())
    assert [[reading["series"] for reading in batch] for batch in batches] == [["a", "b"]] * 4
    assert len({batch[0]["ts"] for batch in batches}) == 4


async def test_run_measures_the_cpu(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        await emitters.emit("run", "--source", "cpu", "--interval", "0.1", "--count", "2", EMITTER_URL=desk.url)
    (first,), (second,) = desk.committed.values()
    assert first["series"] == second["series"] == "default"
    assert first["plan"] == first["fact"]
    assert 0 <= second["fact"] <= 100
    assert first["source"] == "cpu"


async def test_a_stopped_run_keeps_what_was_not_acknowledged(emitters: Emitters) -> None:
    async def mute(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        pass

    async with Desk(mute).open() as desk:
        process = await emitters.start(
            "run", "--interval", "0.05", EMITTER_URL=desk.url, EMITTER_GRACE="0.1", EMITTER_WINDOW="3"
        )
        await until(lambda: len(desk.received) == 3)
        process.send_signal(signal.SIGTERM)
        status, output, _ = await emitters.finish(process)
        assert status == 0
        waiting = re.search(r"(\d+) waiting in", output)
        assert waiting is not None
        assert int(waiting[1]) >= 3
        unanswered = dict(zip(desk.received, desk.frames, strict=True))
        desk.script = Desk.accept
        status, output, _ = await emitters.emit("run", "--count", "1", EMITTER_URL=desk.url)
    assert status == 0
    assert len(desk.committed) == int(waiting[1]) + 1
    assert dict(zip(desk.received, desk.frames, strict=True)).items() >= unanswered.items()


async def test_a_killed_run_sends_again_under_the_same_ids(emitters: Emitters) -> None:
    async def lose(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        desk.commit(frame)

    async with Desk(lose).open() as desk:
        process = await emitters.start("run", "--interval", "0.05", EMITTER_URL=desk.url)
        await until(lambda: len(desk.committed) == 5)
        process.kill()
        assert await process.wait() == -signal.SIGKILL
        desk.script = Desk.accept
        _, output, _ = await emitters.emit("run", "--count", "1", EMITTER_URL=desk.url)
    duplicates = re.search(r"(\d+) duplicates", output)
    assert duplicates is not None
    assert int(duplicates[1]) >= 5
    assert len(desk.committed) == len(set(desk.received))


async def test_run_outlives_the_service(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        port = desk.port
        process = await emitters.start("run", "--interval", "0.1", EMITTER_URL=desk.url)
        await until(lambda: desk.committed)
    await asyncio.sleep(0.3)
    async with Desk().open(port) as later:
        await until(lambda: len(later.committed) > 4)
        process.send_signal(signal.SIGINT)
        status, output, log = await emitters.finish(process)
    assert status == 0
    assert "0 waiting" in output
    assert "the service is going away" in log
    assert "Connection refused" in log
    assert log.count("connected") == 2


async def test_run_drops_with_a_warning_when_its_spool_is_full(emitters: Emitters) -> None:
    series = [part for number in range(600) for part in ("--series", f"{number:0>199}")]
    process = await emitters.start(
        *("run", "--interval", "0.02", *series),
        EMITTER_URL="ws://127.0.0.1:9/",
        EMITTER_SPOOL_MAX_BYTES="300000",
    )
    assert process.stderr is not None
    async with asyncio.timeout(10):
        while b"reading dropped" not in (line := await process.stderr.readline()):
            assert line
    process.send_signal(signal.SIGTERM)
    status, output, _ = await emitters.finish(process)
    assert status == 0
    assert re.search(r" [1-9][\d,]* dropped, 600 waiting", output)


async def test_run_ends_with_whoever_holds_its_input(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        process = await emitters.start("run", "--stdin-lifeline", EMITTER_URL=desk.url)
        await until(lambda: desk.committed)
        assert process.stdin is not None
        process.stdin.close()
        status, output, _ = await emitters.finish(process)
    assert status == 0
    assert output.startswith("1 reading written")


async def test_two_runs_cannot_share_a_spool(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        process = await emitters.start("run", EMITTER_URL=desk.url)
        await until(lambda: desk.committed)
        status, _, log = await emitters.emit("run", EMITTER_URL=desk.url)
        process.send_signal(signal.SIGTERM)
        await emitters.finish(process)
    assert status == 1
    assert f"in use by process {process.pid}" in log


async def test_a_producer_nobody_wants_ends_with_a_status_of_its_own(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        desk.handshakes = [(403, {}, b"")]
        status, output, log = await emitters.emit("run", EMITTER_URL=desk.url)
    assert status == 77
    assert "refused the connection: HTTP 403 Forbidden. Are the address and EMITTER_TOKEN right?" in log
    assert "1 waiting" in output


FILL = ("fill", "--from", "2026-01-01T08:00:00Z", "--until", "2026-01-01T10:00:00Z", "--every", "10s", "--seed", "4")


async def test_filling_twice_writes_once(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        arguments = (*FILL, "--series", "a", "--series", "b", "--batch", "100", "--url", desk.url)
        status, output, log = await emitters.emit(*arguments)
        written = {(r["series"], r["ts"]) for batch in desk.committed.values() for r in batch}
        again = await emitters.emit(*arguments)
    assert status == again[0] == 0
    assert "Filling a, b from 2026-01-01T08:00:00Z until 2026-01-01T10:00:00Z" in log
    assert output.startswith(f"{len(written):,} readings written, 0 duplicates, 0 refused")
    assert again[1].startswith(f"0 readings written, {len(written):,} duplicates, 0 refused")
    assert {series for series, _ in written} == {"a", "b"}
    assert max(len(batch) for batch in desk.committed.values()) <= 100


async def test_fill_gives_up_in_a_sentence(emitters: Emitters) -> None:
    status, output, log = await emitters.emit(*FILL, "--url", "ws://127.0.0.1:9/", "--wait", "0.3")
    assert status == 1
    assert output == ""
    assert log.endswith("Error: ws://127.0.0.1:9/ has taken nothing for 0.3 s: Connection refused.\n")


async def test_fill_says_what_was_refused(emitters: Emitters) -> None:
    async def judge(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        await socket.send(refuse(422, frame["id"]))

    async with Desk(judge).open() as desk:
        status, output, log = await emitters.emit(*FILL, "--url", desk.url)
    assert status == 1
    assert output.startswith("0 readings written, 0 duplicates, ")
    assert "readings were refused. The first refusal: 422: no" in log


async def test_replay_sends_a_file_once(emitters: Emitters, tmp_path: Path) -> None:
    (tmp_path / "day.csv").write_text(
        "time;target;made;line;operator\n"
        "01.07.2025 08:00;40;38;press;Eva\n"
        "01.07.2025 08:01;40;many;press;Eva\n"
        "01.07.2025 08:02;40;41;saw;Jo\n"
    )
    layout = ("--ts", "time", "--plan", "target", "--fact", "made", "--series", "line", "--delimiter", ";")
    async with Desk().open() as desk:
        arguments = ("replay", "day.csv", *layout, "--tz", "Europe/Berlin", "--time-format", "%d.%m.%Y %H:%M")
        status, output, log = await emitters.emit(*arguments, "--url", desk.url)
        again = await emitters.emit(*arguments, "--url", desk.url)
    assert status == again[0] == 0
    assert output.startswith("2 readings written, 0 duplicates, 0 refused, 1 bad row left out")
    assert "line 3, column made: 'many' isn't a finite number" in log
    assert again[1].startswith("0 readings written, 2 duplicates")
    assert [reading for readings in desk.committed.values() for reading in readings] == [
        {"ts": "2025-07-01T06:00:00Z", "series": "press", "plan": 40, "fact": 38, "operator": "Eva"},
        {"ts": "2025-07-01T06:02:00Z", "series": "saw", "plan": 40, "fact": 41, "operator": "Jo"},
    ]


async def test_replay_fails_where_nothing_can_be_sent(emitters: Emitters, tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("ts,plan\nyesterday,1\n")
    async with Desk().open() as desk:
        status, _, log = await emitters.emit("replay", "other.csv", "--url", desk.url)
    assert status == 1
    assert "Nothing was sent: no row can be read as a reading." in log


async def test_replay_reads_standard_input_at_a_pace(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        process = await emitters.start("replay", "-", "--speed", "10", "--url", desk.url)
        assert process.stdin is not None
        process.stdin.write(b"ts,fact\n1000000100,1\n1000000102,2\n1000000104,3\n")
        await until(lambda: len(desk.committed) == 1)
        began = asyncio.get_running_loop().time()
        process.stdin.close()
        status, output, _ = await emitters.finish(process)
    assert asyncio.get_running_loop().time() - began > 0.35
    assert status == 0
    assert output.startswith("3 readings written")


async def test_replay_can_be_stopped_while_its_input_is_silent(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        process = await emitters.start("replay", "-", "--batch", "1", "--url", desk.url)
        assert process.stdin is not None
        process.stdin.write(b"ts,fact\n1000000100,1\n")
        await until(lambda: desk.committed)
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(5):
            assert await process.wait() == 1
        assert process.stderr is not None
        log = (await process.stderr.read()).decode()
    assert "Error: Stopped before the end. The same command again" in log


async def test_strict_sends_what_was_whole_before_the_bad_row(emitters: Emitters, tmp_path: Path) -> None:
    rows = [f"{10**9 + number},{number if number != 25 else 'x'}" for number in range(40)]
    (tmp_path / "day.csv").write_text("\n".join(["ts,fact", *rows]))
    async with Desk().open() as desk:
        status, output, log = await emitters.emit("replay", "day.csv", "--strict", "--batch", "10", "--url", desk.url)
    assert status == 1
    assert output.startswith("20 readings written")
    assert "Error: day.csv, line 27, column fact: 'x' isn't a finite number." in log
    assert len(desk.committed) == 2
