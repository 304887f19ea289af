"""The gate: all transports pass the same checks in the same order, and each refusal is counted once under its label."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from service.errors import Draining, Overloaded, ShareUsedUp, TaktlineError, TooFast
from service.intake.batch import Outcome, Packed
from service.intake.copy_rows import text_field
from service.intake.formats.frames import read_json
from service.intake.gate import Entrance, Gate, Sender
from service.intake.rates import Rates
from service.intake.reading import now_microseconds
from service.intake.series_limit import SeriesLimit
from service.intake.turns import at_once
from service.intake.waiting import Answer
from service.intake.writer import Writer
from service.limits.allowance import Allowance
from service.metrics import Metrics
from tests.batches import RULES
from tests.conftest import Engine, dropped_schema, settings_for
from tests.harness import Running, free_port, running

JSON = {"Content-Type": "application/json"}
pytestmark = pytest.mark.anyio
Send = Callable[[Running, bytes], Awaitable[None]]
SENDER = Sender("tcp", "192.0.2.1")


@pytest.fixture(scope="module")
async def open_everywhere(engine: Engine) -> AsyncIterator[Running]:
    """A service that accepts readings over every transport."""
    async with dropped_schema(engine) as schema:
        settings = settings_for(engine, schema, tcp_port=free_port(), api_host="127.0.0.1")
        async with running(settings) as service:
            yield service


async def over_websocket(service: Running, text: bytes) -> None:
    async with connect(service.ws) as socket:
        await socket.send(text.decode())


async def over_tcp(service: Running, text: bytes) -> None:
    _, writer = await asyncio.open_connection("127.0.0.1", service.parts.settings.tcp_port)
    writer.write(text)
    writer.close()
    await writer.wait_closed()


async def over_http(service: Running, text: bytes) -> None:
    await service.http.post("/readings", content=text, headers=JSON)


async def as_line_protocol(service: Running, text: bytes) -> None:
    await service.http.post("/api/v2/write", content=text)


TRANSPORTS: dict[str, Send] = {
    "websocket": over_websocket,
    "tcp": over_tcp,
    "/readings": over_http,
    "/api/v2/write": as_line_protocol,
}


def refusals(metrics: Metrics) -> dict[tuple[str, str], float]:
    return {
        (sample.labels["where"], sample.labels["reason"]): sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "taktline_refused_total"
    }


async def newly_refused(service: Running, send: Send, *texts: bytes) -> dict[tuple[str, str], float]:
    """The refusals that are counted because of these texts, once the counters don't change any more."""
    before = refusals(service.parts.metrics)
    for text in texts:
        await send(service, text)
        await asyncio.sleep(0.3)
    after = refusals(service.parts.metrics)
    return {key: count - before.get(key, 0) for key, count in after.items() if count != before.get(key, 0)}


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_what_a_parser_refuses_is_counted_once_by_the_name_of_its_transport(
    open_everywhere: Running, transport: str
) -> None:
    assert await newly_refused(open_everywhere, TRANSPORTS[transport], b'{"plan": "x"}') == {(transport, "invalid"): 1}


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_so_is_a_reading_that_is_too_long(open_everywhere: Running, transport: str) -> None:
    text = b'{"a":"%b"}' % (b"x" * 70_000)
    assert await newly_refused(open_everywhere, TRANSPORTS[transport], text) == {(transport, "invalid"): 1}


@pytest.mark.parametrize("transport", ["websocket", "tcp"])
async def test_so_is_what_the_database_refuses(open_everywhere: Running, name: str, transport: str) -> None:
    texts = [json.dumps({"id": name, "readings": [{"plan": plan, "series": name}]}).encode() for plan in (1, 2)]
    assert await newly_refused(open_everywhere, TRANSPORTS[transport], *texts) == {(transport, "id_reused"): 1}


@pytest.mark.parametrize("transport", ["/readings", "/api/v2/write"])
async def test_so_is_a_request_while_the_service_stops(engine: Engine, schema: str, transport: str) -> None:
    async with running(settings_for(engine, schema)) as service:
        await service.parts.writer.close()
        assert await newly_refused(service, TRANSPORTS[transport], b"{}") == {(transport, "draining"): 1}


async def test_what_was_left_out_of_a_batch_is_counted_too(open_everywhere: Running, name: str) -> None:
    async def in_part(service: Running, text: bytes) -> None:
        answer = await service.http.post("/readings?partial=true", content=text, headers=JSON)
        assert answer.json()["refused"] == 2

    text = json.dumps([{"plan": 1, "series": name}, {"plan": "x"}, {"plan": "y"}]).encode()
    assert await newly_refused(open_everywhere, in_part, text) == {("/readings", "invalid"): 2}


class GateSetup:
    """A gate with the store of a service behind it, and a series that is known. Nothing is committed before open() is
    called."""

    def __init__(self, service: Running, name: str, rate: float = 0, max_readings: int = 1000) -> None:
        self.metrics, self.rates = Metrics(), Rates(rate)
        store = service.parts.store
        self.writer = Writer(store.batches.write, self.metrics, max_readings=max_readings, max_bytes=10**6)
        series = SeriesLimit(10**6, {text_field(name.encode())}, store.series)
        self.gate = Gate(self.writer, self.rates, RULES, Allowance(2**20), self.metrics, series)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.writer.run())
        yield
        await self.writer.close()
        await task


def batch(name: str, count: int) -> Packed:
    return at_once(read_json(json.dumps([{"plan": 1, "series": name}] * count), RULES, now_microseconds()))


async def asked(entrance: Entrance, packed: Packed) -> str:
    """What happens to a batch that a connection hands over, and what it waits for, if it has to wait."""
    putting = asyncio.ensure_future(entrance.put(packed))
    await asyncio.sleep(0.01)
    if putting.done():
        error = putting.exception()
        return type(error).__name__ if error else "taken"
    kind = "rate" if entrance.pausing else "room"
    putting.cancel()
    with suppress(asyncio.CancelledError):
        await putting
    return kind


async def test_the_end_comes_before_the_rate_and_the_rate_before_room(shared: Running, name: str) -> None:
    setup = GateSetup(shared, name, rate=10, max_readings=5)
    entrance = setup.gate.enter(SENDER)
    assert entrance.put_now(batch(name, 5)) is not None
    # the queue has no room
    with pytest.raises(ShareUsedUp):
        setup.gate.enter_at_once(SENDER).offer(batch(name, 1))
    assert entrance.put_now(batch(name, 1)) is None
    assert await asked(entrance, batch(name, 1)) == "room"
    # in addition, the sender has sent too much
    setup.rates.take(SENDER.address, 100)
    with pytest.raises(TooFast):
        setup.gate.enter_at_once(SENDER)
    assert entrance.put_now(batch(name, 1)) is None
    assert await asked(entrance, batch(name, 1)) == "rate"
    # in addition, the service is stopping
    await setup.writer.close()
    for enter in (setup.gate.enter, setup.gate.enter_at_once):
        with pytest.raises(Draining):
            enter(SENDER)
    with pytest.raises(Draining):
        entrance.put_now(batch(name, 1))
    assert await asked(entrance, batch(name, 1)) == "Draining"


async def offered(entrance: Entrance, packed: Packed) -> Awaitable[Outcome]:
    return entrance.offer(packed)


async def put_at_once(entrance: Entrance, packed: Packed) -> Answer:
    answer = entrance.put_now(packed)
    assert answer is not None
    return answer


async def put_in_the_end(entrance: Entrance, packed: Packed) -> Answer:
    return await entrance.put(packed)


@pytest.mark.parametrize("hand_over", [offered, put_at_once, put_in_the_end])
async def test_a_batch_is_a_debt_once(
    shared: Running, name: str, hand_over: Callable[[Entrance, Packed], Awaitable[Awaitable[Outcome]]]
) -> None:
    setup = GateSetup(shared, name, rate=1000)
    async with setup.open():
        answer = await hand_over(setup.gate.enter(SENDER), batch(name, 900))
        assert setup.rates.wait(SENDER.address) == 0
        setup.rates.take(SENDER.address, 900)
        assert setup.rates.wait(SENDER.address) == 1
        assert await answer is Outcome.WRITTEN


async def test_a_batch_that_had_to_wait_is_a_debt_once(shared: Running, name: str) -> None:
    setup = GateSetup(shared, name, rate=1000)
    entrance = setup.gate.enter(SENDER)
    setup.rates.take(SENDER.address, 1100)
    async with setup.open():
        assert entrance.put_now(batch(name, 500)) is None
        assert await (await entrance.put(batch(name, 500))) is Outcome.WRITTEN
        assert setup.rates.wait(SENDER.address) == 0


async def test_who_is_refused_owes_nothing(shared: Running, name: str) -> None:
    setup = GateSetup(shared, name, rate=1000, max_readings=5)
    setup.gate.enter(SENDER).offer(batch(name, 5))
    with pytest.raises(Overloaded):
        setup.gate.enter(SENDER).offer(batch(name, 3000))
    assert setup.rates.wait(SENDER.address) == 0


async def test_an_answer_that_nobody_waits_for_is_told(shared: Running, name: str) -> None:
    setup, told = GateSetup(shared, name), list[TaktlineError]()
    entrance = setup.gate.enter(SENDER, told.append)
    for plan in (1, 2):
        text = json.dumps({"id": name, "readings": [{"plan": plan, "series": name}]})
        entrance.watch(await entrance.put(at_once(read_json(text, RULES, now_microseconds()))))
    async with setup.open():
        pass
    assert [one.reason for one in told] == ["id_reused"]
    assert refusals(setup.metrics) == {("tcp", "id_reused"): 1}


async def test_a_socket_that_waits_for_its_rate_does_not_hold_up_the_end(engine: Engine, schema: str) -> None:
    async with running(settings_for(engine, schema, ingest_rate=1)) as service, connect(service.ws) as socket:
        for name in ("first", "second"):
            await socket.send(json.dumps({"id": name, "readings": [{"plan": 1}] * 60}))
        assert json.loads(await socket.recv())["ack"] == "first"
        await asyncio.sleep(0.2)
        service.service.lifecycle.begin()
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1012
