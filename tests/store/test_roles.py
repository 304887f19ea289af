"""The role of docker-compose.yml, which is no superuser, can do all that the service does."""

import asyncio
import os
import shutil
from pathlib import Path
from urllib.parse import quote, urlsplit

import asyncpg
import pytest

from service.settings import Settings
from service.store.conflicts import insist
from tests.conftest import Engine
from tests.harness import running

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(240)]
ROLES = Path(__file__).parents[2] / "sql" / "compose" / "roles.sql"
SECRET = "p/w#1 'quoted' \\ ü"


async def test_it_migrates_writes_and_reads(engine: Engine, name: str, tmp_path: Path) -> None:
    psql = shutil.which("psql")
    if engine.server.embedded or psql is None:
        pytest.skip("needs a server and psql")
    role, root = f"test_{name[:12]}", f"test_{name[:12]}_root"
    for who in ("superuser", "service"):
        (tmp_path / who).mkdir()
        (tmp_path / who / "password").write_text(f"{SECRET}\n")
    script = ROLES.read_text(encoding="utf-8").replace("/passwords/", f"{tmp_path}/")
    (tmp_path / "roles.sql").write_text(script.replace("role postgres", f"role {root}").replace("taktline", role))
    parts = urlsplit(engine.url)
    own = parts._replace(path=f"/{role}").geturl()
    con = await asyncpg.connect(engine.url)
    try:
        await con.execute(f"create role {root} superuser login")
        await con.execute(f"create database {role}")
        for _ in range(2):
            process = await asyncio.create_subprocess_exec(
                psql, "-Xq", "-v", "ON_ERROR_STOP=1", "-d", own, "-f", str(tmp_path / "roles.sql"), env=dict(os.environ)
            )
            assert await process.wait() == 0
        url = parts._replace(
            netloc=f"{role}:{quote(SECRET, safe='')}@{parts.netloc.rpartition('@')[2]}", path=f"/{role}"
        ).geturl()
        async with running(Settings.load(database_url=url, chart_tz="UTC")) as service:
            rows = [{"ts": 1_700_000_000 + 60 * number, "plan": 1, "fact": number} for number in range(3000)]
            assert (await service.http.post("/readings", json=rows)).json()["written"] == 3000
            assert (await service.http.post("/readings", json={"fact": 1})).status_code == 200
            if engine.server.edition == "community":
                for job in await service.parts.store.jobs.all():
                    await service.parts.store.jobs.run(job)
            answer = await service.http.get("/chart?format=json&from=2023-11-01&until=2023-12-01&step=1d")
            assert sum(bucket["readings"] for bucket in answer.json()["buckets"]) == 3000
            assert (await service.http.get("/display?page=40")).json()["total"] == 3001
        assert not await con.fetchval("select rolsuper from pg_roles where rolname = $1", role)
    finally:
        await insist(lambda: con.execute(f"drop database if exists {role} with (force)"))
        await con.execute(f"drop role if exists {role}, {root}")
        await con.close()
