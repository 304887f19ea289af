"""Starts other time-series databases for a comparison, each in a folder of its own, where Debian's package of it is
installed."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from chaos.service_process import free_port

INFLUX = """
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
PATIENCE = 30
"""Seconds in which a rival has to be ready."""


@asynccontextmanager
async def influx() -> AsyncIterator[str | None]:
    """The address of a running InfluxDB 1.x with a database `bench`, to which one writes with `db=bench`; None where it
    isn't installed (Debian: influxdb)."""

    def arguments(folder: Path, port: int) -> list[str]:
        config = folder / "influxdb.conf"
        config.write_text(INFLUX.format(folder=folder, http=port, rpc=free_port()))
        return ["-config", str(config)]

    async with _running("influxd", "InfluxDB", arguments, "/query?q=CREATE+DATABASE+bench") as url:
        yield url


@asynccontextmanager
async def victoria() -> AsyncIterator[str | None]:
    """The address of a running VictoriaMetrics; None where it isn't installed (Debian: victoria-metrics)."""

    def arguments(folder: Path, port: int) -> list[str]:
        return [f"-storageDataPath={folder}", f"-httpListenAddr=127.0.0.1:{port}", "-loggerLevel=ERROR"]

    async with _running("victoria-metrics", "VictoriaMetrics", arguments, "/health") as url:
        yield url


@asynccontextmanager
async def _running(
    program: str, name: str, arguments: Callable[[Path, int], list[str]], first: str
) -> AsyncIterator[str | None]:
    """Run a server, and give its address once it answers the first request."""
    if (found := shutil.which(program)) is None:
        print(f"({name} isn't installed here, and is left out)")
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        process = await asyncio.create_subprocess_exec(
            *(found, *arguments(Path(folder), port)),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            await _until_good(f"http://127.0.0.1:{port}{first}")
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            await process.wait()


async def _until_good(url: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as http, asyncio.timeout(PATIENCE):
        while True:
            try:
                if (await http.post(url)).is_success:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.2)
