"""The service as a process: how it starts, fails to start, and stops."""

import asyncio
import json
import os
import signal
import socket
import sys

import asyncpg
import httpx
import psutil
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from service.run.server import listen
from tests.conftest import Engine
from tests.processes import serving, start

pytestmark = pytest.mark.anyio


async def refused(command: str = "run_server", **environment: str) -> str:
    """The output of a start that has to fail: one line on stderr, with an exit status other than 0."""
    # at a free port, since the usual one may be in use
    process = await start(command, **{"API_PORT": "0", **environment})
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 1
    assert out == b""
    text = err.decode()
    assert "Traceback" not in text
    [line] = [line for line in text.splitlines() if line.startswith("taktline: ")]
    return line


async def test_sigterm_commits_acknowledges_and_exits_0(engine: Engine, schema: str) -> None:
    async with serving(engine, schema) as (process, url):
        async with connect(url.replace("http", "ws") + "/") as socket_:
            for number in range(50):
                await socket_.send(json.dumps({"id": str(number), "readings": [{"plan": 1}] * 200}))
            answers = [json.loads(await socket_.recv())]
            process.send_signal(signal.SIGTERM)
            with pytest.raises(ConnectionClosed):
                while True:
                    answers.append(json.loads(await socket_.recv()))
            assert socket_.close_code == 1012
        assert await asyncio.wait_for(process.wait(), 15) == 0
    con = await asyncpg.connect(engine.url)
    try:
        stored = await con.fetchval(f'select count(*) from "{schema}".reading')
    finally:
        await con.close()
    assert [answer for answer in answers if answer.get("written") != 200] == []
    assert stored == 200 * len(answers)


async def test_a_chart_that_is_under_way_at_the_end_of_the_grace_is_refused_in_order(
    engine: Engine, schema: str
) -> None:
    """Its worker hangs. The client is told to try again, and not that something is broken."""
    async with serving(engine, schema, SHUTDOWN_GRACE="6s") as (process, url):
        _suspend_workers(process.pid)
        async with httpx.AsyncClient(base_url=url, timeout=20) as http:
            asked = asyncio.create_task(http.get("/chart"))
            await asyncio.sleep(0.5)
            process.send_signal(signal.SIGTERM)
            answer = await asked
        assert await asyncio.wait_for(process.wait(), 10) == 0
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "1"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == "The service is shutting down; try again."


def _suspend_workers(parent: int) -> None:
    workers = [child for child in psutil.Process(parent).children() if any("spawn_main" in w for w in child.cmdline())]
    assert workers
    for worker in workers:
        worker.suspend()


async def test_sigterm_while_starting_ends_it(engine: Engine, schema: str) -> None:
    process = await start(DATABASE_URL="postgresql://nobody:secret@127.0.0.1:1/nothing", API_PORT="0")
    assert process.stderr
    said = (await asyncio.wait_for(process.stderr.readline(), 30)).decode()
    assert "waiting for the database: No database answers at postgresql://nobody@127.0.0.1:1/nothing: " in said
    assert "refused" in said or "Connect call failed" in said
    assert "secret" not in said
    process.send_signal(signal.SIGTERM)
    _, err = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode == 130
    assert b"Traceback" not in err


async def test_hosts_that_are_all_down_are_waited_for() -> None:
    process = await start(DATABASE_URL="postgresql://nobody:secret@127.0.0.1:1,127.0.0.1:2/nothing", API_PORT="0")
    assert process.stderr
    said = (await asyncio.wait_for(process.stderr.readline(), 30)).decode()
    assert (
        "waiting for the database: No database answers at postgresql://nobody@127.0.0.1:1,127.0.0.1:2/nothing: " in said
    )
    assert said.index(" 127.0.0.1:1: ") < said.index("; 127.0.0.1:2: ")
    assert "secret" not in said
    process.send_signal(signal.SIGTERM)
    _, err = await asyncio.wait_for(process.communicate(), 15)
    assert process.returncode == 130
    assert b"Traceback" not in err


async def test_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        line = await refused(API_PORT=str(port), DATABASE_URL="postgresql://127.0.0.1:1/x")
    assert f"port {port}" in line
    assert "in use" in line


async def test_no_other_process_inherits_the_port() -> None:
    """An engine or an emitter that outlives the service would keep its port taken."""
    with listen("127.0.0.1", 0) as listening:
        inode = os.fstat(listening.fileno()).st_ino
        show = "import os\nfor one in os.listdir('/proc/self/fd'): print(os.path.realpath(f'/proc/self/fd/{one}'))"
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", show, stdout=asyncio.subprocess.PIPE)
        shown, _ = await process.communicate()
    assert process.returncode == 0
    assert "/" in shown.decode()
    assert f"socket:[{inode}]" not in shown.decode()


async def test_wrong_settings() -> None:
    line = await refused(API_PORT="many", CHART_TZ="Mars", BATCH_MEMORY="soon", ITEMS_PER_PAGE="0")
    for name in ("API_PORT", "CHART_TZ", "BATCH_MEMORY", "ITEMS_PER_PAGE"):
        assert name in line
    assert "CHART_TZ: 'localtime' isn't an IANA time zone" in await refused(CHART_TZ="localtime")


async def test_a_wrong_password(engine: Engine) -> None:
    url = engine.url.replace("://", "://somebody:wrong@", 1) if "@" not in engine.url else _with_password(engine.url)
    line = await refused(DATABASE_URL=url)
    assert "password" in line
    assert "wrong" not in line


def _with_password(url: str) -> str:
    start, rest = url.split("://")
    return f"{start}://{rest.split(':')[0]}:wrong@{rest.split('@')[-1]}"


@pytest.mark.parametrize("url", ["mysql://x/y", "postgresql://[::1", "nonsense"])
async def test_an_address_that_is_none(url: str) -> None:
    assert "DATABASE_URL" in await refused(DATABASE_URL=url)


async def test_a_server_without_the_extension(engine: Engine) -> None:
    if engine.server.embedded:
        pytest.skip("the embedded engine has one database, which has the extension")
    con = await asyncpg.connect(engine.url)
    try:
        await con.execute("create role plain login password 'plain'")
        await con.execute("create database without_extension template template0")
        url = (
            f"{engine.url.split('://')[0]}://plain:plain@{engine.url.split('@')[1].rsplit('/', 1)[0]}/without_extension"
        )
        line = await refused("migrate", DATABASE_URL=url)
    finally:
        await con.execute("drop database if exists without_extension")
        await con.execute("drop role if exists plain")
        await con.close()
    assert "no TimescaleDB" in line


async def test_migrate_is_a_command(engine: Engine, schema: str) -> None:
    for _ in range(2):
        process = await start("migrate", DATABASE_URL=engine.url, DATABASE_SCHEMA=schema)
        _, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, err
        assert b"up to date" in err
