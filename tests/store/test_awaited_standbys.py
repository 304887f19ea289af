"""A real server whose COMMIT waits for a standby that isn't there: everybody is told what is waited for, and all is
written once it has come. Needs the programs of PostgreSQL with TimescaleDB: CONTRIBUTING.md."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from chaos import service_process
from service.settings import Settings
from tests.clusters import Cluster, Programs, clusters
from tests.harness import Running, running, until

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]

NAMES = "ANY 1 (nobody)"


@pytest.fixture
def primary() -> Iterator[Cluster]:
    """A server that isn't made yet."""
    with clusters(Programs.find(), 1) as [made]:
        yield made


async def wait_for_standbys(primary: Cluster, names: str) -> None:
    await primary.ask(f"alter system set synchronous_standby_names = '{names}'")
    await primary.ask("select pg_reload_conf()")
    async with asyncio.timeout(30):
        while (await primary.ask("show synchronous_standby_names"))[0][0] != names:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def unready(service: Running) -> str:
    """What /readyz says once it says 503."""
    async with asyncio.timeout(30):
        while (answer := await service.http.get("/readyz")).status_code != 503:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return str(answer.json()["detail"])


async def warnings(primary: Cluster, schema: str) -> list[str]:
    """What the doctor warns of."""
    kept = {name: os.environ[name] for name in service_process.INHERITED if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "service", "doctor", "--json"),
        env={**kept, "DATABASE_URL": primary.url, "DATABASE_SCHEMA": schema, "API_HOST": "127.0.0.1"},
        stdout=PIPE,
    )
    output, _ = await process.communicate()
    return [one["what"] for one in json.loads(output)["warnings"]]


async def test_who_is_waited_for_is_told(primary: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.intake.writer.LATE", 0.5)
    monkeypatch.setattr("service.intake.writer.TOO_LATE", 60.0)
    primary.make()
    primary.start()
    await primary.answers()
    await primary.ask("create extension timescaledb")
    settings = Settings.load(database_url=primary.url, database_schema="awaited", chart_tz="UTC")
    with capture_logs() as said:
        async with running(settings) as service:
            assert (await service.http.post("/readings", json={"plan": 1})).status_code == 200
            await wait_for_standbys(primary, NAMES)
            post = asyncio.create_task(service.http.post("/readings", json={"plan": 2}))
            detail = await unready(service)
            assert "Readings have waited for" in detail
            assert "holds a lock" not in detail
            assert f"COMMIT waits for a standby to confirm it (synchronous_standby_names = '{NAMES}')." in detail
            await until(lambda: "readings wait" in [one["event"] for one in said], 30)
            async with asyncio.timeout(60):
                while not any("a COMMIT has waited for" in one for one in await warnings(primary, "awaited")):  # noqa: ASYNC110
                    await asyncio.sleep(0.5)
            assert not post.done()
            await wait_for_standbys(primary, "")
            assert (await post).json() == {"written": 1, "duplicate": False}
            await until(lambda: "readings are written again" in [one["event"] for one in said], 30)
            assert (await service.http.get("/readyz")).status_code == 200
