"""Behind HAProxy as the documentation configures it, the service goes where the primary is. Needs `haproxy` on the
PATH."""

import asyncio
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from chaos.proxy import Proxy
from service.settings import Settings
from tests.conftest import Engine
from tests.faults import numbers, proxied
from tests.harness import free_port, running

pytestmark = pytest.mark.anyio

DOCS = Path(__file__).parents[2] / "docs" / "failover.md"


class Health:
    """Answers the health checks of one server, as Patroni does."""

    def __init__(self, between: Proxy, *, primary: bool) -> None:
        self.between, self.primary, self.port = between, primary, 0
        self.asked: set[bytes] = set()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.add((await reader.readuntil(b"\r\n\r\n")).split(b" HTTP")[0])
        status = b"200 OK" if self.primary else b"503 Service Unavailable"
        writer.write(b"HTTP/1.0 " + status + b"\r\nContent-Length: 0\r\n\r\n")
        writer.close()


@asynccontextmanager
async def server(engine: Engine, *, primary: bool) -> AsyncIterator[Health]:
    """A way to the engine with a health check."""
    async with proxied(engine) as (between, _):
        health = Health(between, primary=primary)
        listening = await asyncio.start_server(health.answer, "127.0.0.1", 0)
        health.port = listening.sockets[0].getsockname()[1]
        try:
            yield health
        finally:
            listening.close()


@asynccontextmanager
async def haproxy(folder: Path, *servers: Health) -> AsyncIterator[int]:
    """The port of an HAProxy before these servers."""
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if program is None:
        pytest.skip("needs haproxy on the PATH")
    found = re.search(r"```haproxy\n(.+?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    text, port = re.sub(r"    server db.*\n", "", found[1]), free_port()
    for number, one in enumerate(servers):
        text += f"    server db{number} 127.0.0.1:{one.between.port} check port {one.port}\n"
    file = folder / "haproxy.cfg"
    file.write_text(text.replace("127.0.0.1:5000", f"127.0.0.1:{port}"))
    process = await asyncio.create_subprocess_exec(program, "-db", "-q", "-f", str(file))
    try:
        yield port
    finally:
        process.kill()
        await process.wait()


async def test_the_service_goes_where_the_primary_is(engine: Engine, schema: str, tmp_path: Path) -> None:
    async with (
        server(engine, primary=True) as one,
        server(engine, primary=False) as two,
        haproxy(tmp_path, one, two) as port,
    ):
        parts = urlsplit(engine.url)
        user = parts.netloc.rpartition("@")[0]
        url = parts._replace(netloc=f"{user}@127.0.0.1:{port}" if user else f"127.0.0.1:{port}").geturl()
        async with running(Settings.load(database_url=url, database_schema=schema, chart_tz="UTC")) as service:
            assert (await service.http.post("/readings", json={"plan": 1})).status_code == 200
            one.between.stall()
            one.primary, two.primary = False, True
            answer = await service.http.post("/readings", json={"plan": 2}, headers={"Idempotency-Key": "two"})
            assert answer.status_code == 200
        one.between.resume()
    assert one.asked == two.asked == {b"OPTIONS /primary"}
    assert await numbers(engine, schema) == [1, 2]
