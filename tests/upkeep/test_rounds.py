"""The rhythm of maintenance, and when it was last done."""

import asyncio
import re
import time

import pytest
from structlog.testing import capture_logs

from service.errors import Unavailable
from service.upkeep.rounds import every
from tests.conftest import Engine, settings_for
from tests.database import connected
from tests.harness import Running, running

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("fault", [Unavailable("The database is away."), ValueError("a fault of our own")])
async def test_a_round_that_fails_is_followed_by_the_next(fault: Exception) -> None:
    rounds, third = 0, asyncio.Event()

    async def work() -> None:
        nonlocal rounds
        rounds += 1
        if rounds == 3:
            third.set()
        raise fault

    with capture_logs() as said:
        task = asyncio.create_task(every(0.001, "slices", work))
        try:
            async with asyncio.timeout(10):
                await third.wait()
        finally:
            task.cancel()
    assert [(one["event"], one["round"]) for one in said][:2] == [("maintenance failed", "slices")] * 2


async def last_successes(service: Running) -> dict[str, float]:
    text = (await service.http.get("/metrics")).text
    found = re.findall(r'^taktline_round_last_success_timestamp_seconds\{round="(\w+)"\} (\S+)$', text, re.MULTILINE)
    return {name: float(when) for name, when in found}


async def until_again(service: Running, name: str) -> None:
    """Wait until this round has succeeded once more."""
    before = (await last_successes(service))[name]
    async with asyncio.timeout(60):
        while (await last_successes(service))[name] == before:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


@pytest.mark.timeout(120)
async def test_a_round_that_succeeds_says_when(engine: Engine, schema: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that waits, or fails, doesn't."""
    if engine.server.embedded:
        pytest.skip("the embedded engine has a single session, so that one that locks would lock all out")
    if engine.server.edition == "apache":
        pytest.skip("its rollups are views, which nobody materialises")
    for name in ("FORGET_EVERY", "CLOSE_EVERY", "SERIES_EVERY"):
        monkeypatch.setattr(f"service.upkeep.rounds.{name}", 0.1)
    began = time.time()
    async with connected(engine, schema) as con, running(settings_for(engine, schema)) as service:
        async with asyncio.timeout(60):
            while not (done := await last_successes(service)).keys() >= {"forget", "minutes", "series"}:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert not done.keys() & {"retention", "vacuum"}  # whose time is minutes away
        assert all(began - 1 < when < time.time() for when in done.values())
        async with con.transaction():
            await con.execute("lock table batch")
            await until_again(service, "series")
            held = (await last_successes(service))["forget"]  # by now, what was under way has ended, or waits as well
            await until_again(service, "series")
            assert (await last_successes(service))["forget"] == held
        await until_again(service, "forget")
