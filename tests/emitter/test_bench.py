"""`emitter bench` against a small server that keeps the contract, and against the real service."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from emitter.answers import Duplicate, Written
from emitter.board import Spread, Summary
from emitter.errors import NotFinished, Rejected, Unreachable
from emitter.lane import Lane
from emitter.link import Link
from emitter.load import Load, Supply, Transport
from emitter.score import Latencies, Score
from emitter.traffic import Course, Traffic
from emitter.wire import HttpWire
from tests.emitter.test_producer import Desk, Emitters, refuse, until
from tests.harness import Running

pytestmark = pytest.mark.anyio


@pytest.fixture
async def emitters(tmp_path: Path) -> AsyncIterator[Emitters]:
    emitters = Emitters(tmp_path)
    yield emitters
    await emitters.kill()


async def put(url: str, load: Load, course: Course | None = None, **link: Any) -> Summary:
    """The summary of a load."""
    shown: list[Score] = []
    link.setdefault("patience", 2.0)
    traffic = Traffic(Link(url=url, **link), load, course or Course(connections=2))
    async with asyncio.timeout(20):
        await traffic.run(shown.append)
    return traffic.summary()


async def test_every_reading_is_sent_once_and_acknowledged() -> None:
    async with Desk().open() as desk:
        summary = await put(desk.url, Load(batch=10, series=3, readings=1005))
    readings = [reading for batch in desk.committed.values() for reading in batch]
    assert len(readings) == summary.readings == 1005
    assert len(desk.received) == len(desk.committed) == summary.batches == 101
    assert {reading["series"] for reading in readings} == {"bench 0", "bench 1", "bench 2"}
    assert all(set(reading) == {"ts", "series", "plan", "fact"} for reading in readings)
    assert (summary.duplicates, summary.refused, summary.unanswered, summary.retries) == (0, 0, 0, 0)
    assert summary.sent_bytes > sum(map(len, desk.frames))
    assert 0 < summary.latency.p50 <= summary.latency.p90 <= summary.latency.p99 <= summary.latency.max
    assert summary.rate == pytest.approx(1005 / summary.seconds, rel=0.2)


async def test_the_window_is_kept_on_every_connection() -> None:
    held: list[tuple[ServerConnection, dict[str, Any]]] = []
    most = 0

    async def hold(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        nonlocal most
        held.append((socket, frame))
        most = max(most, len(held))
        if len(held) == 6:
            await asyncio.sleep(0.05)
            for one, each in held:
                await desk.accept(one, each)
            held.clear()

    async with Desk(hold).open() as desk:
        await put(desk.url, Load(batch=1, readings=60), Course(connections=2), window=3)
    assert most == 6


async def test_a_rate_is_kept_and_spread_over_the_connections() -> None:
    used: dict[ServerConnection, int] = {}

    async def note(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        used[socket] = used.get(socket, 0) + 1
        await desk.accept(socket, frame)

    async with Desk(note).open() as desk:
        summary = await put(desk.url, Load(batch=5, rate=500), Course(connections=4, seconds=1))
    assert 400 <= summary.readings <= 510
    assert min(used.values()) >= 20


async def test_what_was_not_answered_is_sent_again_on_a_new_connection() -> None:
    async def cut(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        answer = desk.commit(frame)
        if len(desk.received) in (3, 11):
            socket.transport.abort()  # committed, and the answer is lost
        else:
            await socket.send(json.dumps(answer))

    async with Desk(cut).open() as desk:
        summary = await put(desk.url, Load(batch=1, readings=40), Course(connections=1))
    assert len(desk.committed) == summary.readings == 40
    assert summary.duplicates >= 2
    assert summary.retries >= 2


@pytest.mark.parametrize("status", [429, 503])
async def test_not_now_is_sent_again_after_a_pause(status: int) -> None:
    async def later(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        if desk.received.count(frame["id"]) == 1 and len(desk.committed) == 5:
            await socket.send(refuse(status, frame["id"], retry_after=0.05))
        else:
            await desk.accept(socket, frame)

    async with Desk(later).open() as desk:
        summary = await put(desk.url, Load(batch=1, readings=20), Course(connections=1))
    assert len(desk.committed) == summary.readings == 20
    assert summary.retries > 0
    assert summary.refused == 0


async def test_what_is_refused_is_counted_with_its_reason() -> None:
    async def judge(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        if len(desk.received) % 2:
            await socket.send(refuse(422, frame["id"]))
        else:
            await desk.accept(socket, frame)

    async with Desk(judge).open() as desk:
        summary = await put(desk.url, Load(batch=2, readings=20), Course(connections=1))
    assert (summary.readings, summary.refused, summary.unanswered) == (10, 10, 0)
    assert summary.refusal == "422: no"


async def test_answers_that_do_not_come_are_missed() -> None:
    async def mute(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        pass

    async with Desk(mute).open() as desk:
        with pytest.raises(NotFinished, match=r"4 readings were not answered within 0\.3 s"):
            await put(desk.url, Load(batch=1, readings=4), ack_timeout=0.3)


async def test_idle_connections_send_now_and_then() -> None:
    used: dict[ServerConnection, int] = {}

    async def note(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        used[socket] = used.get(socket, 0) + 1
        await desk.accept(socket, frame)

    async with Desk(note).open() as desk:
        summary = await put(desk.url, Load(), Course(connections=0, idle=50, every=0.5, seconds=1.25))
    assert len(used) == 50
    assert set(used.values()) == {2, 3}
    assert 120 <= summary.readings <= 126
    assert summary.unanswered == 0


async def test_nobody_there_is_said_in_a_sentence() -> None:
    with pytest.raises(Unreachable, match=r"ws://127\.0\.0\.1:9/ has taken nothing for 0\.2 s: Connection refused"):
        await put("ws://127.0.0.1:9/", Load(), patience=0.2)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_service_that_will_not_have_us_ends_it(status: int) -> None:
    async with Desk().open() as desk:
        desk.handshakes = [(status, {}, b"")] * 9
        with pytest.raises(Rejected, match=f"HTTP {status}"):
            await put(desk.url, Load(), token="secret")
    assert desk.headers[0]["Authorization"] == "Bearer secret"


async def test_a_frame_that_is_too_large_is_said_so() -> None:
    async with Desk().open(max_size=1000) as desk:
        with pytest.raises(Rejected, match="make --batch smaller"):
            await put(desk.url, Load(batch=100, readings=100))


def ticking(*moments: float) -> Callable[[], float]:
    return iter(moments).__next__


@pytest.mark.parametrize("transport", ["ws", "http-json", "http-ndjson", "http-line"])
def test_batches_have_the_form_of_their_transport(transport: Transport) -> None:
    supply = Supply(Load(transport=transport, batch=3, series=2, readings=5))
    assert supply.take() is None, "before the start"
    supply.start()
    batches = [batch for batch in (supply.take(), supply.take(), supply.take()) if batch]
    assert [batch.readings for batch in batches] == [3, 2]
    assert len({batch.id for batch in batches}) == 2
    payload = batches[0].payload
    match transport:
        case "ws":
            frame = json.loads(payload)
            assert frame["id"] == batches[0].id
            readings = frame["readings"]
        case "http-json":
            readings = json.loads(payload)
        case "http-ndjson":
            readings = [json.loads(line) for line in payload.splitlines()]
        case _:
            assert payload.startswith(b"bench\\ 0 plan=30,fact=25 ")
            assert payload.count(b"\n") == 2
            return
    assert [reading["series"] for reading in readings] == ["bench 0", "bench 1", "bench 0"]
    assert [reading["ts"] - readings[0]["ts"] for reading in readings] == [0, 1, 2]


def test_a_rate_lets_a_batch_out_when_it_is_due() -> None:
    supply = Supply(Load(batch=10, rate=100), ticking(0, 0, 0.05, 0.1, 0.1, 0.21))
    supply.start()
    taken = [supply.take() is not None for _ in range(5)]
    assert taken == [True, False, True, False, True]


def test_percentiles_are_right_to_a_few_percent() -> None:
    latencies, more = Latencies(), Latencies()
    for number in range(1, 901):
        latencies.add(number / 1000)
    for number in range(901, 1001):
        more.add(number / 1000)
    latencies.join(more)
    assert latencies.count == 1000
    assert latencies.percentile(0.5) == pytest.approx(0.5, rel=0.02)
    assert latencies.percentile(0.99) == pytest.approx(0.99, rel=0.02)
    assert latencies.percentile(1) <= latencies.longest == 1
    assert Latencies().percentile(0.5) == 0
    assert str(Spread.of(latencies)).startswith("p50 50")


def answers(body: bytes) -> Iterator[Any]:
    """What an HTTP wire makes of this answer, fed byte by byte."""
    wire = HttpWire(Link(url="http://there/base"), "http-ndjson")
    supply = Supply(Load(batch=2, readings=2))
    supply.start()
    batch = supply.take()
    assert batch is not None
    request = wire.wrap(batch)
    assert request.startswith(b"POST /base/readings HTTP/1.1\r\nHost: there\r\n")
    assert b"\r\nIdempotency-Key: %b\r\n" % batch.id.encode() in request
    for number in range(len(body)):
        yield from wire.receive(body[number : number + 1])


def test_http_answers_are_read_in_pieces() -> None:
    ok = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"
    written, duplicate = b'{"written":2,"duplicate":false}', b'{"written":0,"duplicate":true}'
    assert isinstance(next(answers(ok % (len(written), written))), Written)
    assert isinstance(next(answers(ok % (len(duplicate), duplicate))), Duplicate)
    assert next(answers(b"HTTP/1.1 204 No Content\r\n\r\n")).readings == 2
    busy = next(answers(b"HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 15\r\n\r\n" + b'{"detail":"no"}'))
    assert (busy.problem.status, busy.problem.detail, busy.problem.retry_after) == (503, "no", 3)


@asynccontextmanager
async def post_office(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """An HTTP server with one answer, and the heads of the requests it got."""
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                length = heads[-1].lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
                await reader.readexactly(int(length))
                writer.write(answer)
        except asyncio.IncompleteReadError:
            writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", heads


async def test_line_protocol_goes_to_write() -> None:
    async with post_office(b"HTTP/1.1 204 No Content\r\n\r\n") as (url, heads):
        summary = await put(url, Load(transport="http-line", batch=10, readings=100))
    assert summary.readings == 100
    assert len(heads) == 10
    assert heads[0].startswith(b"POST /write?precision=ms HTTP/1.1\r\n")


async def test_a_server_that_keeps_no_connection_is_served_too() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        summary = await put(url, Load(transport="http-json", batch=1, readings=5), Course(connections=1))
    assert summary.readings == 5


@pytest.mark.parametrize("transport", ["ws", "http-json", "http-ndjson", "http-line"])
async def test_the_real_service_stores_what_it_acknowledges(shared: Running, transport: Transport) -> None:
    before = await stored(shared)
    url = shared.ws if transport == "ws" else shared.url
    summary = await put(url, Load(transport=transport, batch=50, series=1, readings=1000))
    assert (summary.readings, summary.duplicates, summary.refused, summary.unanswered) == (1000, 0, 0, 0)
    assert await stored(shared) == before + 1000


async def stored(shared: Running) -> int:
    answer = await shared.http.get("/display", params={"series": "bench 0", "per_page": 1}, headers={"Accept": "*/*"})
    total = answer.json()["total"] if answer.status_code == 200 else 0
    assert isinstance(total, int)
    return total


async def test_the_command_prints_a_table_and_writes_json(emitters: Emitters, tmp_path: Path) -> None:
    async with Desk().open() as desk:
        status, output, log = await emitters.emit(
            *("bench", "--url", desk.url, "--connections", "2", "--batch", "7", "--rate", "700", "--seconds", "1.3"),
            *("--json", "out.json"),
        )
    assert status == 0
    summary = json.loads((tmp_path / "out.json").read_text())
    assert summary["readings"] == sum(len(batch) for batch in desk.committed.values())
    assert summary["transport"] == "ws"
    assert summary["latency"]["p99"] > 0
    assert "readings/s, acknowledged" in output
    assert f"{summary['rate']:,.0f}" in output
    assert log.count("readings/s, p50 ") == 1


async def test_the_command_prints_json_alone(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        _, output, _ = await emitters.emit("bench", "--url", desk.url, "--readings", "5000", "--json", "-")
    assert json.loads(output)["readings"] == 5000


async def test_a_signal_ends_it_with_its_summary(emitters: Emitters) -> None:
    async with Desk().open() as desk:
        process = await emitters.start(
            *("bench", "--url", desk.url, "--batch", "1", "--rate", "100", "--seconds", "60", "--json", "-")
        )
        await until(lambda: len(desk.committed) > 10)
        process.send_signal(signal.SIGINT)
        status, output, _ = await emitters.finish(process)
    assert status == 0
    assert json.loads(output)["readings"] == len(desk.committed)


async def test_the_command_fails_where_something_was_refused(emitters: Emitters) -> None:
    async def judge(desk: Desk, socket: ServerConnection, frame: dict[str, Any]) -> None:
        await socket.send(refuse(422, frame["id"]))

    async with Desk(judge).open() as desk:
        status, output, log = await emitters.emit("bench", "--url", desk.url, "--readings", "10")
    assert status == 1
    assert "first refusal" in output
    assert "Error: 10 readings were refused. The first refusal: 422: no" in log


async def test_nothing_to_do_is_said(emitters: Emitters) -> None:
    status, _, log = await emitters.emit("bench", "--connections", "0")
    assert status == 2
    assert "--connections or --idle must be at least 1" in log


async def test_a_lane_without_a_connection_keeps_what_it_is_given() -> None:
    score = Score()
    async with post_office(b"HTTP/1.1 204 No Content\r\n\r\n") as (url, _):
        link = Link(url=url)
        lane = Lane(link, lambda: HttpWire(link, "http-json"), None, score)
        lane.give(Supply(Load()).make(3))
        running = asyncio.create_task(lane.run(asyncio.Semaphore()))
        await until(lambda: score.written == 3)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    assert score.connected == 0
