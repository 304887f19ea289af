"""`python -m bench [NAME …]`: measures the figures of the README; --help has the names."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click
import uvloop

from bench import (
    backfill,
    board,
    chart,
    chart_load,
    corrections,
    display,
    export,
    federation,
    ingest,
    live,
    scale,
    sockets,
    spans,
    storage,
    tail,
    wall,
)
from bench.load.traffic import allow_files
from bench.service import serving
from service.engine.embedded import embedded

BENCHMARKS = {
    "ingest": ingest.measure,
    "sockets": sockets.measure,
    "chart": chart.measure,
    "board": board.measure,
    "wall": wall.measure,
    "chart-load": chart_load.measure,
    "tail": tail.measure,
    "live": live.measure,
    "display": display.measure,
    "export": export.measure,
    "backfill": backfill.measure,
    "spans": spans.measure,
    "corrections": corrections.measure,
    "scale": scale.measure,
    "federation": federation.measure,
    "storage": storage.measure,
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
@click.option(
    "--database-url", envvar="BENCH_DATABASE_URL", help="A server to measure on; default: the embedded engine."
)
@click.option("--cache", envvar="TAKTLINE_CACHE", default=".taktline/cache", type=click.Path(path_type=Path))
@click.option("--brief", is_flag=True, help="Rough figures, soon.")
@click.option("--with-key", is_flag=True, help="Every request needs a key, and sends one.")
@click.option(
    "--readings",
    type=int,
    help=f"Readings to page through, by default {display.READINGS:,}, or to import, by default {backfill.READINGS:,}.",
)
def main(
    names: tuple[str, ...], database_url: str | None, cache: Path, *, brief: bool, with_key: bool, readings: int | None
) -> None:
    """Measure; without names, everything."""
    names = names or tuple(BENCHMARKS)
    if "sockets" in names or "live" in names:
        allow_files(sockets.IDLE)  # before the service is started, which inherits the limit
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_measure(names, database_url, cache, brief=brief, with_key=with_key, readings=readings))


async def _measure(
    names: tuple[str, ...], database_url: str | None, cache: Path, *, brief: bool, with_key: bool, readings: int | None
) -> None:
    async with (
        _database(database_url, cache) as url,
        serving(url, brief=brief, readings=readings, with_key=with_key) as target,
    ):
        print(f"# {target.describe}")
        for name in names:
            await BENCHMARKS[name](target)


@asynccontextmanager
async def _database(url: str | None, cache: Path) -> AsyncIterator[str]:
    if url is not None:
        yield url
        return
    with tempfile.TemporaryDirectory() as folder:
        async with embedded(Path(folder), cache, print) as engine:
            yield engine.url


if __name__ == "__main__":
    main()
