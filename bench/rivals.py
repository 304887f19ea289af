"""Starts other time-series databases for a comparison, each in a folder of its own, where they are installed."""

import asyncio
import json
import shutil
import subprocess
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
GRAPHITE = Path(".taktline/graphite/bin")
"""Where `make graphite` installs its programs."""
GRAPHITE_SETTINGS = """
SECRET_KEY = "bench"
TIME_ZONE = "UTC"
LOG_ROTATION = LOG_INFO_PERFORMANCE = False
"""
FILL_WHISPER = """
import json, pathlib, sys, whisper
for name, points in json.load(sys.stdin).items():
    path = pathlib.Path(sys.argv[1], name + ".wsp")
    path.parent.mkdir(parents=True, exist_ok=True)
    whisper.create(str(path), [(60, 1440)])
    whisper.update_many(str(path), points)
"""
Points = list[tuple[float, float]]
"""Seconds since 1970, and values."""
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
async def graphite(points: dict[str, Points]) -> AsyncIterator[str | None]:
    """The address of a running Graphite that has these points of each minute of the last day, by the name of their
    metric; None where it isn't installed (`make graphite`)."""

    def arguments(folder: Path, port: int) -> list[str]:
        (folder / "bench_settings.py").write_text(GRAPHITE_SETTINGS)
        (folder / "log" / "webapp").mkdir(parents=True)
        fill = [str(GRAPHITE / "python"), "-c", FILL_WHISPER, str(folder / "whisper")]
        subprocess.run(fill, input=json.dumps(points), text=True, check=True)
        places = {"GRAPHITE_SETTINGS_MODULE": "bench_settings", "GRAPHITE_STORAGE_DIR": str(folder)}
        settings = [word for place in places.items() for word in ("--env", "=".join(place))]
        return [f"--bind=127.0.0.1:{port}", f"--pythonpath={folder}", *settings, "graphite.wsgi:application"]

    async with _running(str(GRAPHITE / "gunicorn"), "Graphite", arguments, "/version/") as url:
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
