"""Reading where DATABASE_READ_URL says: from there as long as there is somebody, and otherwise from the primary. The
engine of the tests stands for its own standby; tests/store/test_standbys.py has a real one."""

import ast
import asyncio
import re
from pathlib import Path
from typing import Any

import pytest

import service.store
from service.errors import StartError
from service.settings import Settings
from tests.conftest import Engine, settings_for
from tests.faults import proxied
from tests.harness import Running, free_port, running

pytestmark = pytest.mark.anyio

CHART = "/chart?format=json&from=now-1h&until=now%2B1h&step=1h"


async def counted(service: Running) -> int:
    """How many readings a chart has."""
    answer = await service.http.get(CHART)
    assert answer.status_code == 200, answer.text
    return sum(bucket["readings"] for bucket in answer.json()["buckets"])


async def value(service: Running, sample: str) -> float | None:
    """A sample of `/metrics`."""
    found = re.search(rf"^{re.escape(sample)} (\S+)$", (await service.http.get("/metrics")).text, re.MULTILINE)
    return None if found is None else float(found[1])


async def state(service: Running, standing: str) -> Any:
    """What `/readyz` says as soon as the only standby is this to reads."""
    async with asyncio.timeout(30):
        while (found := (await service.http.get("/readyz")).json())["standbys"][0]["standing"] != standing:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    return found


async def test_a_standby_that_was_never_there(engine: Engine, schema: str) -> None:
    host = f"127.0.0.1:{free_port()}"
    async with running(settings_for(engine, schema, database_read_url=f"postgresql://u@{host}/x")) as service:
        for count in range(1, 4):
            await service.http.post("/readings", json={"plan": 1})
            assert await counted(service) == count
        assert (await service.http.get("/display")).json()["total"] == 3
        assert await value(service, 'taktline_standby_reads_total{outcome="away"}') >= 4  # type: ignore[operator]
        assert await value(service, 'taktline_standby_reads_total{outcome="standby"}') is None
        assert await value(service, f'taktline_standby_used{{host="{host}"}}') == 0
        told = await state(service, "away")
        assert told["status"] == "degraded"
        assert f"The standby {host} isn't read from: " in told["detail"]


async def test_a_standby_that_goes_and_comes_back(engine: Engine, schema: str) -> None:
    async with (
        proxied(engine) as (between, url),
        running(settings_for(engine, schema, database_read_url=url)) as service,
    ):
        by_standby = 'taktline_standby_reads_total{outcome="standby"}'
        host = f"127.0.0.1:{between.port}"
        await service.http.post("/readings", json={"plan": 1})
        assert await counted(service) == 1
        assert (await state(service, "used"))["standbys"] == [{"host": host, "standing": "used", "why": ""}]
        before = await value(service, by_standby)
        assert before
        assert await value(service, "taktline_standby_wait_seconds_count") == before
        between.refusing = True
        between.cut()
        for count in range(2, 6):
            await service.http.post("/readings", json={"plan": 1})
            assert await counted(service) == count
        await state(service, "away")
        assert await value(service, 'taktline_standby_reads_total{outcome="away"}')
        between.refusing = False
        await state(service, "used")
        await service.http.post("/readings", json={"plan": 1})
        assert await counted(service) == 6
        assert await value(service, by_standby) > before  # type: ignore[operator]


async def test_a_standby_that_says_nothing_holds_nobody_up_for_long(engine: Engine, schema: str) -> None:
    async with (
        proxied(engine) as (between, url),
        running(settings_for(engine, schema, database_read_url=url)) as service,
    ):
        await service.http.post("/readings", json={"plan": 1})
        assert await counted(service) == 1
        between.stall()
        for count in range(2, 6):
            await service.http.post("/readings", json={"plan": 1})
            assert await counted(service) == count
        told = await state(service, "away")
        assert "it doesn't answer within" in told["detail"]
        between.resume()
        await state(service, "used")


async def test_without_the_setting_all_is_read_from_the_primary(fresh: Running) -> None:
    store = fresh.parts.store
    assert store.reading is store.primary
    assert store.standbys() == []
    assert "taktline_standby_reads_total{" not in (await fresh.http.get("/metrics")).text


def refusal(**given: str) -> str:
    with pytest.raises(StartError) as refused:
        Settings.load(**given)
    return refused.value.detail


def test_what_the_address_may_not_be() -> None:
    primary = "postgresql://u@db1/x"
    assert refusal(database_read_url="postgresql://u@db2/x") == "DATABASE_READ_URL is set without DATABASE_URL."
    told = refusal(database_url=primary, database_read_url="postgresql://u@db2/x?target_session_attrs=primary")
    assert told.startswith(
        "DATABASE_READ_URL can't be used: target_session_attrs must be any or prefer-standby or read-only or standby"
    )
    told = refusal(database_url=f"{primary}?target_session_attrs=standby")
    assert told.startswith("DATABASE_URL can't be used: target_session_attrs must be any or primary or read-write")
    told = refusal(database_url=primary, database_read_url="postgresql://u:p/w@db2/x")
    assert told.startswith("DATABASE_READ_URL can't be used: ")
    assert "p/w" not in told


def test_what_it_may_be() -> None:
    standbys = "postgresql://u@db2,db3:5433/x?target_session_attrs=standby"
    settings = Settings.load(database_url="postgresql://u@db1/x", database_read_url=standbys, database_password="p/w")
    assert settings.read_database == "postgresql://u:p%2Fw@db2,db3:5433/x?target_session_attrs=standby"
    assert Settings.load(database_url="postgresql://u@db1/x").read_database is None


def test_whoever_reads_by_snapshots_reads_again_where_a_standby_fails() -> None:
    found: set[str] = set()
    careless: set[str] = set()
    for path in Path(service.store.__file__).parent.glob("*.py"):
        if path.stem in ("pool", "checks"):  # where it is made, and where only the primary is asked
            continue
        for each in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(each, ast.AsyncFunctionDef) and "_pool.snapshot()" in ast.unparse(each):
                (found if "reread" in map(ast.unparse, each.decorator_list) else careless).add(
                    f"{path.stem}.{each.name}"
                )
    assert careless == set()
    assert {"buckets.read", "records.at", "totals.totals"} <= found
