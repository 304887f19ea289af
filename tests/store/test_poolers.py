"""Behind PgBouncer as the documentation configures it, everything works; otherwise the start says what is wrong.

Needs `pgbouncer` on the PATH, and a server for it.
"""

import asyncio
import os
import pwd
import re
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import unquote, urlsplit

import pytest

from service.errors import DatabaseUnusable, SchemaError
from service.settings import Settings
from service.store.database import inspect, session
from service.store.migrate import migrate
from service.store.pool import PLANNED, REFRESHING
from tests.conftest import Engine
from tests.faults import numbers
from tests.harness import free_port, running

pytestmark = pytest.mark.anyio

DOCS = Path(__file__).parents[2] / "docs" / "failover.md"
KEEPS_STATEMENTS = (1, 21)
PASSED_ON = {"timezone", "application_name"}
"""What PgBouncer passes on by itself."""


def shown() -> str:
    """The configuration in the documentation."""
    found = re.search(r"```ini\n(\[databases\].+?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def version(program: str) -> tuple[int, ...]:
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    return tuple(map(int, said.split("\n")[0].split()[1].split(".")[:2]))


@contextmanager
def pgbouncer(engine: Engine, schema: str, **changes: str) -> Iterator[str]:
    """The address of the engine's database behind a PgBouncer; `changes` are other values of its settings, or none of
    them where they are empty."""
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None or engine.server.embedded:
        pytest.skip("needs pgbouncer on the PATH, and a server")
    url, port = urlsplit(engine.url), free_port()
    who = f"user={unquote(url.username or '')} password={unquote(url.password or '')}"
    where = f"host={url.hostname} port={url.port or 5432} dbname={url.path[1:]} {who}"
    text = shown().replace("host=10.0.0.10 port=5432 dbname=taktline", where).replace('"taktline"', f'"{schema}"')
    text = re.sub(r"auth_file = .*\n", "", text.replace("public", engine.server.extension_schema))
    if version(program) < KEEPS_STATEMENTS:
        changes["max_prepared_statements"] = ""  # it doesn't know that
    given = {"listen_port": str(port), "auth_type": "any", "unix_socket_dir": "", **changes}
    for name in given:
        text = re.sub(rf"^{name} = .*\n", "", text, flags=re.MULTILINE)
    text += "".join(f"{name} = {value}\n" for name, value in given.items() if value or name == "unix_socket_dir")
    if changes.get("connect_query") == "":
        text = re.sub(r" connect_query='.*'\n", "\n", text)
    with TemporaryDirectory() as folder:
        file = Path(folder) / "pgbouncer.ini"
        file.write_text(text)
        user = None
        if os.geteuid() == 0:  # it refuses to run as root
            user = next(one.pw_name for one in pwd.getpwall() if one.pw_name in ("postgres", "nobody"))
            shutil.chown(folder, user)
        process = subprocess.Popen([program, "-q", str(file)], stderr=subprocess.DEVNULL, user=user)
        try:
            _wait_for(port)
            yield f"postgresql://taktline@127.0.0.1:{port}/taktline"
        finally:
            process.kill()
            process.wait()


def _wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as tried:
            if tried.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)


@pytest.fixture
async def behind(engine: Engine, schema: str) -> AsyncIterator[str]:
    """The address behind PgBouncer as in the documentation."""
    with pgbouncer(engine, schema) as url:
        yield url


async def test_everything_works_behind_it(engine: Engine, schema: str, behind: str) -> None:
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    if version(program) < KEEPS_STATEMENTS:
        pytest.skip("this PgBouncer loses prepared statements")
    async with running(Settings.load(database_url=behind, database_schema=schema, chart_tz="UTC")) as service:
        posts = (service.http.post("/readings", json={"plan": number}) for number in range(50))
        assert {answer.status_code for answer in await asyncio.gather(*posts)} == {200}
        for address in ("/chart?format=json", "/display?format=json", "/readings?format=ndjson", "/readyz"):
            assert (await service.http.get(address)).status_code == 200
        for job in await service.parts.store.jobs.all():
            await service.parts.store.jobs.run(job)
    assert await numbers(engine, schema) == list(range(50))


async def test_prepared_statements_that_are_lost_are_recognised(engine: Engine, schema: str) -> None:
    """Before 1.21 there is no such setting, and the statements are lost in any case."""
    with (
        pgbouncer(engine, schema, max_prepared_statements="0") as url,
        pytest.raises(DatabaseUnusable, match=r"Taktline needs PgBouncer 1\.21 or later with max_prepared_statements"),
    ):
        await inspect(url)
    with pgbouncer(engine, schema, pool_mode="session", max_prepared_statements="0") as url:
        assert await inspect(url) == engine.server


async def test_a_setting_that_is_not_let_through_is_named(engine: Engine, schema: str) -> None:
    refused = pytest.raises(DatabaseUnusable, match="PgBouncer doesn't let the setting search_path through")
    with pgbouncer(engine, schema, ignore_startup_parameters="") as url, refused:
        await inspect(url)


async def test_nothing_is_installed_where_it_would_not_be_found(engine: Engine, schema: str) -> None:
    """PgBouncer was told to ignore the search_path, and nothing else puts the sessions into the schema."""
    refused = pytest.raises(SchemaError, match=rf"PgBouncer does so by connect_query='select .*\"{schema}\"")
    with pgbouncer(engine, schema, connect_query="") as url, refused:
        await migrate(url, schema, engine.server, lambda _: None)


def test_the_documentation_ignores_what_is_sent() -> None:
    [line] = [line for line in shown().splitlines() if line.startswith("ignore_startup_parameters")]
    sent = {*session("x"), *PLANNED, *REFRESHING} - PASSED_ON
    assert set(line.split(" = ")[1].split(", ")) == sent
    assert all(name in shown().splitlines()[1] for name in ("search_path", *PLANNED))
