"""A backup as docs/years.md describes it, restored on a server that has nothing yet."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from service.settings import Settings
from service.store.conflicts import insist
from tests.conftest import Engine, run_jobs
from tests.harness import Running, running

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]

DOCS = Path(__file__).parents[2] / "docs" / "years.md"
NOW = datetime.now(UTC).replace(second=0, microsecond=0)
ASKED: tuple[tuple[str, dict[str, str]], ...] = (
    ("/chart", {"from": "now-110d", "until": "now+1h", "step": "1d", "format": "json", "tz": "UTC"}),
    ("/chart", {"from": "now-110d", "until": "now+1h", "step": "1d", "format": "json", "tz": "UTC", "split": "series"}),
    ("/chart", {"from": "now-2d", "until": "now+1h", "step": "1h", "format": "json", "tz": "Asia/Kolkata"}),
    ("/display", {"page": "3"}),
    ("/readings", {}),
    ("/corrections", {}),
)
ROLLUPS = "select to_jsonb(rollup) from reading_{unit} rollup order by bucket, series"


@pytest.fixture
async def databases(engine: Engine, name: str) -> AsyncIterator[tuple[str, str]]:
    """The addresses of two databases without anything in them, which belong to the role of a service."""
    server = await _major(engine)
    if engine.server.embedded:
        pytest.skip("needs a server")
    for program in ("pg_dump", "pg_restore", "psql"):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}")
    said = await _run("pg_dump", "--version")
    if int(re.findall(r"\d+", said)[0]) < server:
        pytest.skip(f"pg_dump is older than the server, PostgreSQL {server}: {said.strip()}")
    names = [f"test_{name[:12]}_{which}" for which in ("from", "to")]
    parts, role = urlsplit(engine.url), role_of(names[0])
    con = await asyncpg.connect(engine.url)
    try:
        await con.execute(f"create role {role} login password '{role}'")
        for each in names:
            await con.execute(f"create database {each} owner {role}")
        first, second = (parts._replace(path=f"/{each}").geturl() for each in names)
        yield first, second
    finally:
        for each in names:
            await insist(lambda each=each: con.execute(f"drop database if exists {each} with (force)"))  # type: ignore[misc]
        await con.execute(f"drop role if exists {role}")
        await con.close()


def role_of(database: str) -> str:
    """The service's role, which isn't a superuser. A job of TimescaleDB's belongs to it, as everything does."""
    return database.removesuffix("_from").removesuffix("_to")


def as_service(url: str) -> str:
    """The address as that role."""
    parts = urlsplit(url)
    role, place = role_of(parts.path.removeprefix("/")), parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{role}:{role}@{place}").geturl()


async def _major(engine: Engine) -> int:
    return int(engine.server.postgresql.split(".")[0])


async def _run(program: str, *arguments: str, **environment: str) -> str:
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


@asynccontextmanager
async def on(url: str, **more: Any) -> AsyncIterator[Running]:
    async with running(Settings.load(database_url=as_service(url), chart_tz="UTC", **more)) as service:
        yield service


async def content(service: Running, url: str) -> list[Any]:
    """All that is asked for, and the rollups."""
    answers = [(await service.http.get(path, params=asked)) for path, asked in ASKED]
    assert {answer.status_code for answer in answers} == {200}
    con = await asyncpg.connect(url, server_settings={"search_path": "taktline, public"})
    try:
        rollups = [
            [row[0] for row in await con.fetch(ROLLUPS.format(unit=unit))]
            for unit in ("minute", "quarter", "hour", "day")
        ]
    finally:
        await con.close()
    return [*(answer.text for answer in answers), *rollups]


def commands() -> list[str]:
    """The lines of the section on backups, in which `$FROM` and `$TO` are databases."""
    section = DOCS.read_text(encoding="utf-8").partition("## Backups")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


async def test_everything_is_there_again(engine: Engine, databases: tuple[str, str], tmp_path: Path) -> None:
    """Readings in both stores, late ones that no rollup shows yet, ids of batches, corrections, and from when on
    readings are kept. The service goes on with it as before, and jobs run."""
    source, target = databases
    kept = {} if engine.server.edition == "apache" else {"retention_readings": "40d"}
    async with on(source, **kept) as service:
        times = [(NOW - number * timedelta(minutes=47)).isoformat() for number in range(3200)]
        rows = [
            {"ts": time, "series": f"line {number % 3}", "plan": 9, "fact": number} for number, time in enumerate(times)
        ]
        assert (await service.http.post("/readings", json=rows)).json()["written"] == len(rows)
        store = service.parts.store
        if kept:
            await store.rollups.refresh_late()
            await run_jobs(store)
            await store.retention.keep_to(service.parts.settings.lifetimes)
        sent = {"content": b'{"fact": 5}', "headers": {"Content-Type": "application/json", "Idempotency-Key": "mine"}}
        assert (await service.http.post("/readings", **sent)).json()["written"] == 1  # type: ignore[arg-type]
        late = {"ts": (NOW - timedelta(days=20)).isoformat(), "plan": 1, "fact": 1}
        assert (await service.http.post("/readings", json=late)).status_code == 200
        asked = {"series": "line 1", "from": "now-9d", "until": "now-8d", "field": "plan"}
        assert (await service.http.delete("/readings", params=asked)).json()["changed"] > 0
        before = await content(service, source)
    steps = commands()
    assert len(steps) >= 4
    for step in steps:
        await _run(
            "sh", "-euc", step, FROM=source, TO=target, PWD=str(tmp_path), BACKUP=str(tmp_path / "taktline.dump")
        )
    async with on(target, **kept) as service:
        assert await content(service, target) == before
        assert (await service.http.post("/readings", **sent)).json() == {"written": 0, "duplicate": True}  # type: ignore[arg-type]
        old = {"ts": (NOW - timedelta(days=60)).isoformat(), "fact": 1}
        assert (await service.http.post("/readings", json=old)).status_code == (422 if kept else 200)
        if kept:
            assert await run_jobs(service.parts.store) == 6
            await service.parts.store.rollups.refresh_late()
            assert await content(service, target) == before
