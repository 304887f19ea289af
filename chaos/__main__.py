"""`python -m chaos`: checks that everything that was acknowledged is stored once and whole, and nothing else."""

import asyncio
import random
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click

from chaos.databases import Database, EmbeddedDatabase, on_server
from chaos.report import show
from chaos.run import Plan, run


@click.command()
@click.option("--seconds", default=60.0, show_default=True, help="How long things fail.")
@click.option("--seed", type=int, help="Another seed, other batches and faults.  [default: a random one, shown]")
@click.option("--rate", default=100.0, show_default=True, help="Batches a second.")
@click.option("--memory", default=400, show_default=True, help="MiB that the service may use.")
@click.option(
    "--database-url",
    envvar="CHAOS_DATABASE_URL",
    help="A server; a database is made there, and dropped.  [default: the embedded engine]",
)
@click.option("--docker-container", "container", help="The server's container: it is paused and killed as well.")
@click.option("--cache", envvar="TAKTLINE_CACHE", default=".taktline/cache", type=click.Path(path_type=Path))
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for the logs, kept.")
def main(
    seconds: float,
    seed: int | None,
    rate: float,
    memory: int,
    database_url: str | None,
    container: str | None,
    cache: Path,
    keep: Path | None,
) -> None:
    """Send identified batches while service, engine, emitter and connections fail; then compare. Status 1: a promise
    was broken."""
    plan = Plan(seconds, secrets.randbelow(10**6) if seed is None else seed, rate, memory * 2**20)
    print(f"# seed {plan.seed}, {plan.seconds:g} s, on {'a server' if database_url else 'the embedded engine'}")
    sys.exit(asyncio.run(_main(plan, database_url, container, cache, keep)))


async def _main(plan: Plan, url: str | None, container: str | None, cache: Path, keep: Path | None) -> int:
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        async with _database(url, container, folder, cache, random.Random(plan.seed)) as database:
            result = await run(plan, database, folder, _say)
    show(result)
    return 1 if result.history.violations else 0


@asynccontextmanager
async def _database(
    url: str | None, container: str | None, folder: Path, cache: Path, rng: random.Random
) -> AsyncIterator[Database]:
    if url is None:
        yield EmbeddedDatabase(folder / "engine", cache, rng)
        return
    async with on_server(url, container, rng) as database:
        yield database


def _say(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


if __name__ == "__main__":
    main()
