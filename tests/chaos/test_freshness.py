"""That the history checker notices what is missing in an answer: of a service from which it has been taken away."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from chaos.freshness import QUESTIONS, Freshness
from chaos.history import History
from chaos.processes import Service
from chaos.replicas import Replica
from tests.harness import Running, until

pytestmark = pytest.mark.anyio

KINDS = {question.name for question in QUESTIONS}


@asynccontextmanager
async def asking(service: Running, folder: Path) -> AsyncIterator[tuple[Freshness, History]]:
    """Who writes to a service and asks it, until the block ends."""
    history, port = History(), int(service.url.rpartition(":")[2])
    replica = Replica(Service(port, 0, {}, folder / "log", history))
    freshness = Freshness(history, random.Random(7))
    tasks = [asyncio.create_task(freshness.write([replica], 0)), asyncio.create_task(freshness.read(replica))]
    try:
        yield freshness, history
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def compared(history: History) -> int:
    """How many answers of that kind were compared of which there were the fewest."""
    return min(history.tally[f"answers compared: {kind}"] for kind in KINDS)


async def test_nothing_is_missing_where_nothing_is(fresh: Running, tmp_path: Path) -> None:
    async with asking(fresh, tmp_path) as (freshness, history):
        await until(lambda: compared(history) > 5, 60)
        freshness.stopping = True
        await until(lambda: history.tally["answers compared: by their tag alone"] > 2, 60)
    assert history.violations == []
    assert history.tally["watched: acknowledged"] > 0


async def test_what_is_missing_is_noticed_whatever_is_asked(fresh: Running, tmp_path: Path) -> None:
    async with asking(fresh, tmp_path) as (freshness, history):
        await until(lambda: history.tally["watched: acknowledged"] > 10, 60)
        freshness.stopping = True
        [watched] = freshness.series
        await until(lambda: watched.sent == watched.acknowledged)
        gone = {"series": watched.name, "from": "now-3d", "until": "now+1h"}
        assert (await fresh.http.delete("/readings", params=gone)).status_code == 200
        history.tally.clear()
        await until(lambda: compared(history) > 1, 60)
    for kind in KINDS:
        assert any(each.startswith(f"{kind} of watched 0 have 0 readings; ") for each in history.violations), kind
