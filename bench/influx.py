"""Starts InfluxDB 1.x for a comparison, in a folder of its own, where `influxd` is installed (Debian: influxdb)."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from chaos.service_process import free_port

CONFIG = """
bind-address = "127.0.0.1:{rpc}"
reporting-disabled = true
[meta]
dir = "{folder}/meta"
[data]
dir = "{folder}/data"
wal-dir = "{folder}/wal"
query-log-enabled = false
[http]
bind-address = "127.0.0.1:{http}"
log-enabled = false
max-body-size = 0
[logging]
level = "error"
suppress-logo = true
"""


@asynccontextmanager
async def influx() -> AsyncIterator[str | None]:
    """The address of a running InfluxDB with a database `bench`; None where it isn't installed."""
    program = shutil.which("influxd")
    if program is None:
        print("(InfluxDB isn't installed here: its line is left out)")
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        port, config = free_port(), Path(folder) / "influxdb.conf"
        config.write_text(CONFIG.format(folder=folder, http=port, rpc=free_port()))
        process = await asyncio.create_subprocess_exec(
            program, "-config", str(config), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
        )
        try:
            url = f"http://127.0.0.1:{port}"
            await _create_database(url)
            yield url
        finally:
            process.terminate()
            await process.wait()


async def _create_database(url: str) -> None:
    async with httpx.AsyncClient() as http, asyncio.timeout(30):
        while True:
            try:
                if (await http.post(f"{url}/query", params={"q": "CREATE DATABASE bench"})).is_success:
                    return
            except httpx.TransportError:
                await asyncio.sleep(0.2)
