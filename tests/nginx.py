"""Runs nginx before a service, with the configuration that the documentation shows."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.harness import free_port

DOCS = Path(__file__).parents[1] / "docs" / "proxy.md"
PROXY = "127.0.0.2"
"""The address from which it connects to the service, so that a client on 127.0.0.1 isn't taken for a proxy."""
AROUND = """
daemon off;
pid {folder}/pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    client_body_buffer_size 4m;
    proxy_bind {proxy};
    {server}
}}
"""


@asynccontextmanager
async def nginx(folder: Path, service: str, *, strips: bool) -> AsyncIterator[str]:
    """The address of an nginx that passes `/taktline/` on to the service, without the prefix if it `strips` that."""
    server = shown_in(DOCS).replace("http://127.0.0.1:8080;", f"{service}{'/' if strips else ''};")
    async with configured(folder, server) as url:
        yield url


def shown_in(page: Path) -> str:
    """The configuration that a page of the documentation shows."""
    shown = re.search(r"```nginx\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert shown
    return shown[1]


@asynccontextmanager
async def configured(folder: Path, server: str) -> AsyncIterator[str]:
    """The address of an nginx with this server, which listens on port 80 by its configuration."""
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None and os.environ.get("CI"):
        pytest.fail("CI needs nginx: apt-get install nginx-light")
    if program is None:
        pytest.skip("there is no nginx here; on Debian and Ubuntu: apt-get install nginx-light")
    port = free_port()
    server = server.replace("listen 80;", f"listen 127.0.0.1:{port};").replace("server_name taktline.example;", "")
    configuration = folder / "nginx.conf"
    configuration.write_text(AROUND.format(folder=folder, proxy=PROXY, server=server))
    process = await asyncio.create_subprocess_exec(program, "-p", str(folder), "-c", str(configuration))
    try:
        await _listening(port)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


async def _listening(port: int) -> None:
    async with asyncio.timeout(10):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return
