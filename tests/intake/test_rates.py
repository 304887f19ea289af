import asyncio
import json

import pytest
from websockets.asyncio.client import connect

from service.intake.rates import MAX_SENDERS, Rates
from tests.conftest import Engine, settings_for
from tests.harness import running

pytestmark = pytest.mark.anyio


def test_no_rate_no_limit() -> None:
    rates = Rates(0)
    rates.take("a", 10**9)
    assert rates.wait("a") == 0


def test_an_address_in_debt_waits_and_others_do_not() -> None:
    rates = Rates(100)
    rates.take("a", 100)
    assert rates.wait("a") == 0
    rates.take("a", 250)
    assert rates.wait("a") == 3
    assert rates.wait("b") == 0


def test_a_pause_pays_the_debt() -> None:
    rates = Rates(1000)
    rates.take("a", 1005)
    assert rates.wait("a") == 1
    deadline = asyncio.run(_paid(rates))
    assert deadline


async def _paid(rates: Rates) -> bool:
    for _ in range(100):
        if not rates.wait("a"):
            return True
        await asyncio.sleep(0.01)
    return False


def test_only_so_many_addresses_are_remembered() -> None:
    rates = Rates(1)
    for number in range(MAX_SENDERS + 10):
        rates.take(str(number), 1000)
    assert rates.wait("0") == 0
    assert rates.wait(str(MAX_SENDERS)) > 0


def test_a_key_with_a_rate_of_its_own_is_counted_by_itself() -> None:
    rates = Rates(0)
    rates.take(7, 250, 100)
    assert rates.wait(7, 100) == 2
    assert rates.wait("a") == 0
    assert rates.wait(8, 100) == 0


async def test_too_fast_is_429_over_http_and_a_pause_over_a_socket(engine: Engine, schema: str) -> None:
    async with running(settings_for(engine, schema, ingest_rate=50)) as service:
        readings = [{"plan": 1}] * 75
        assert (await service.http.post("/readings", json=readings)).status_code == 200
        refused = await service.http.post("/readings", json=readings)
        assert refused.status_code == 429
        assert refused.headers["retry-after"] == "1"
        async with connect(service.ws) as socket:
            loop = asyncio.get_running_loop()
            started = loop.time()
            for number in range(2):
                await socket.send(json.dumps({"id": str(number), "readings": readings}))
                assert json.loads(await socket.recv())["written"] == 75
            assert loop.time() - started > 0.8
        assert await service.parts.store.records.count() == 225
