"""Readings over plain TCP, from clients that connect, send and never read."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from service.access.grants import OPEN
from service.errors import StartError
from service.intake.batch import Outcome, Packed, Receipt
from service.intake.gate import Gate
from service.intake.rates import Rates
from service.intake.reading import Rules
from service.intake.series_limit import SeriesLimit
from service.intake.writer import Writer
from service.limits.allowance import Allowance
from service.limits.patience import Patience
from service.metrics import Metrics
from service.routes.tcp import listening
from tests.batches import FEW, RULES
from tests.conftest import Engine, dropped_schema, settings_for
from tests.harness import Running, free_port, running, stored

pytestmark = pytest.mark.anyio
LIMIT = 10_000


class Held:
    """A store that writes only when it is allowed to."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.count = 0

    async def write(self, batches: list[Packed], _: Receipt) -> list[Outcome]:
        await self.gate.wait()
        self.count += sum(batch.count for batch in batches)
        return [Outcome.WRITTEN] * len(batches)

    async def holds(self, count: int) -> None:
        async with asyncio.timeout(10):
            while self.count < count:  # noqa: ASYNC110
                await asyncio.sleep(0.005)


class NoSeries:
    """A table of names that stays empty."""

    async def first(self, _: int) -> list[str]:
        return []

    async def existing(self, _: Sequence[str]) -> list[str]:
        return []

    async def count(self) -> int:
        return 0


class Intake:
    """The TCP port alone, with such a store instead of a database."""

    def __init__(self, port: int, writer: Writer, metrics: Metrics, store: Held) -> None:
        self.port, self.writer, self.metrics, self.store = port, writer, metrics, store

    async def connect(self) -> asyncio.StreamWriter:
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        return writer

    async def send(self, *pieces: bytes, pause: float = 0) -> None:
        writer = await self.connect()
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)
        writer.close()
        await writer.wait_closed()

    async def refused(self, reason: str, expected: int) -> None:
        line = f'taktline_refused_total{{reason="{reason}",where="tcp"}} {expected}.0'
        async with asyncio.timeout(10):
            while line not in self.metrics.exposition().decode():  # noqa: ASYNC110
                await asyncio.sleep(0.01)


@asynccontextmanager
async def intake(max_readings: int = 1000, rules: Rules = RULES) -> AsyncIterator[Intake]:
    store, metrics, port = Held(), Metrics(), free_port()
    writer = Writer(store.write, metrics, max_readings=max_readings, max_bytes=10**6)  # type: ignore[arg-type]
    gate = Gate(writer, Rates(0), rules, Allowance(2**28), metrics, SeriesLimit(1000, set(), NoSeries()))
    task = asyncio.create_task(writer.run())
    async with listening(gate, ("127.0.0.1", port), LIMIT, Allowance(100), Patience(), lambda: OPEN):
        yield Intake(port, writer, metrics, store)
    await writer.close()
    await task


@pytest.fixture(scope="session")
async def service(engine: Engine) -> AsyncIterator[tuple[Running, int]]:
    port = free_port()
    async with (
        dropped_schema(engine) as schema,
        running(settings_for(engine, schema, tcp_port=port, api_host="127.0.0.1")) as one,
    ):
        yield one, port


async def test_one_connection_a_reading(service: tuple[Running, int], name: str) -> None:
    """The client of service A sends a bare object without a newline, and expects no answer."""
    running_, port = service
    for number in range(20):
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(json.dumps({"plan": number, "fact": number, "series": name}).encode())
    assert sorted(item["plan"] for item in await stored(running_, name, 20)) == list(range(20))


async def test_every_kind_of_frame(service: tuple[Running, int], name: str) -> None:
    running_, port = service
    texts = [
        {"plan": 1, "series": name},
        [{"plan": 2, "series": name}, {"plan": 3, "series": name}],
        {"id": name, "readings": [{"plan": 4, "series": name}]},
        {"id": name, "readings": [{"plan": 4, "series": name}]},
        {"series": name, "cpu": {"cores": [1, 2]}, "note": 'a "{" b'},
        {"series": name, "plan": 5},
    ]
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write("".join(json.dumps(text) for text in texts).encode())
    writer.close()
    await writer.wait_closed()
    items = await stored(running_, name, 6)
    assert sorted(item["plan"] or 0 for item in items) == [0, 1, 2, 3, 4, 5]
    assert [item["attributes"] for item in items if item["attributes"]] == [
        {"cpu": {"cores": [1, 2]}, "note": 'a "{" b'}
    ]


async def test_many_to_a_connection_on_lines_or_not() -> None:
    async with intake() as port:
        await port.send(b"".join(b'{"plan":%d}\n' % number for number in range(500)))
        await port.send(b"".join(b'{"plan":%d}' % number for number in range(500)))
        await port.store.holds(1000)


async def test_a_byte_order_mark_costs_nothing() -> None:
    async with intake() as port:
        await port.send(b"\xef\xbb", b'\xbf{"plan": 1}\n{"plan": 2}\n', pause=0.02)
        await port.store.holds(2)


async def test_split_at_every_byte() -> None:
    text = '{"plan": 1, "note": "ü\\"}{"}{"plan": 2,\n"deep": [{"a": 1}]}'.encode()
    async with intake() as port:
        for at in range(1, len(text)):
            await port.send(text[:at], text[at:], pause=0.001)
        await port.store.holds(2 * (len(text) - 1))


async def test_a_slow_client() -> None:
    async with intake() as port:
        await port.send(*(bytes([byte]) for byte in b'{"plan": 1}\n{"plan": 2}'), pause=0.002)
        await port.store.holds(2)


async def test_what_is_refused_is_counted_and_the_rest_is_written() -> None:
    async with intake() as port:
        lines = [
            "hello",
            '{"plan": 1}',
            '{"plan": "x"}',
            '{"plan": oops}',
            '{"plan": 2',
            '{"plan": 3}',
            "[4]",
            '{"fact": 5}',
        ]
        await port.send("\n".join(lines).encode())
        await port.store.holds(3)
        await port.refused("malformed", 3)
        await port.refused("invalid", 2)


async def test_what_came_before_the_end_of_the_connection_is_good() -> None:
    async with intake() as port:
        await port.send(b'{"plan": 1}[{"plan": 2}]{"plan": 3}{"readings": 4}' + b"[" * (LIMIT + 1))
        await port.store.holds(4)
        await port.refused("too_large", 1)


async def test_a_cut_text_is_counted() -> None:
    async with intake() as port:
        await port.send(b'{"plan": 1}{"plan": ')
        await port.store.holds(1)
        await port.refused("malformed", 1)


async def test_a_huge_text_ends_the_connection_and_no_other() -> None:
    async with intake() as port:
        other = await port.connect()
        reader, writer = await asyncio.open_connection("127.0.0.1", port.port)
        writer.write(b'{"plan": 1}{"note": "' + b"x" * LIMIT)
        assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        await port.refused("too_large", 1)
        other.write(b'{"plan": 2}')
        other.close()
        await port.store.holds(2)


async def test_a_batch_of_too_many_readings_costs_no_more_than_itself() -> None:
    async with intake(rules=FEW) as port:
        await port.send(b"[{},{},{},{}]{}{}{}{}\n[{},{},{}]")
        await port.store.holds(7)
        await port.refused("too_large", 1)


async def test_a_request_for_the_web_is_not_for_here() -> None:
    async with intake() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port.port)
        writer.write(b'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n{"plan": 1}')
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(reader.read(), 10) == b""
        writer.close()
        await port.refused("malformed", 2)
    assert port.store.count == 0


async def test_while_nothing_can_be_written_nothing_more_is_read() -> None:
    async with intake(max_readings=10) as port:
        port.store.gate.clear()
        writer = await port.connect()
        sent = 0
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(1):
                while True:
                    writer.write(b'{"text": "' + b"x" * 5000 + b'"}')
                    await writer.drain()
                    sent += 1
        assert sent > 100
        assert 10 <= (port.metrics.registry.get_sample_value("taktline_waiting_readings") or 0) <= 20
        port.store.gate.set()
        writer.close()
        await port.store.holds(sent)


async def test_the_end_waits_for_nobody_who_waits_for_the_database() -> None:
    async with intake(max_readings=1) as port:
        port.store.gate.clear()
        asyncio.get_running_loop().call_later(0.5, port.store.gate.set)
        await port.send(*[b'{"plan": 1}'] * 10, pause=0.01)
        await asyncio.sleep(0.1)
    assert 1 <= port.store.count < 10


async def test_a_vanished_client() -> None:
    async with intake() as port:
        writer = await port.connect()
        writer.write(b'{"plan": 1}{"plan"')
        await port.store.holds(1)
        sock: Any = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        writer.transport.abort()
        await port.refused("connection_lost", 1)
        await port.send(b'{"plan": 2}')
        await port.store.holds(2)


async def test_stopping_takes_what_has_arrived_and_nobody_new(engine: Engine, schema: str) -> None:
    port = free_port()
    async with running(settings_for(engine, schema, tcp_port=port, api_host="127.0.0.1")) as one:
        writers = [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(10)]
        for writer in writers:
            writer.write(b'{"plan": 1}' * 100)
            await writer.drain()
        await asyncio.sleep(0.05)
        one.service.lifecycle.begin()
        await asyncio.sleep(0.2)
        with pytest.raises(OSError):
            await asyncio.open_connection("127.0.0.1", port)
        for writer in writers:
            writer.close()
        for _ in range(100):
            if one.server.should_exit:
                break
            await asyncio.sleep(0.05)
        assert await one.parts.store.records.count() == 1000


async def test_a_port_in_use(shared: Running) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=f"port {port}.*TCP_PORT"):
            async with listening(
                shared.parts.gate, ("127.0.0.1", port), LIMIT, Allowance(100), Patience(), lambda: OPEN
            ):
                pass


async def test_it_is_off_by_default(shared: Running) -> None:
    async with listening(shared.parts.gate, ("127.0.0.1", 0), LIMIT, Allowance(100), Patience(), lambda: OPEN) as taken:
        assert taken is None
