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
from chaos.failover import fail_over
from chaos.patroni import SYNCHRONOUS, Cluster
from chaos.report import show, show_failovers
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
@click.option("--ha", is_flag=True, help="On a cluster that fails over, out of --root: needs Linux, and to be root.")
@click.option("--root", type=click.Path(path_type=Path, exists=True), help="A Debian 13 root with what --ha needs.")
@click.option("--rounds", default=1, show_default=True, help="How often each fault of --ha happens at least.")
@click.option(
    "--synchronous",
    type=click.Choice(list(SYNCHRONOUS)),
    default="quorum",
    show_default=True,
    help="Patroni's synchronous_mode for --ha; it is strict.",
)
@click.option("--apache", is_flag=True, help="--ha on the Apache edition, whatever --root has.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for the logs, kept.")
def main(
    seconds: float,
    seed: int | None,
    rate: float,
    memory: int,
    database_url: str | None,
    container: str | None,
    cache: Path,
    ha: bool,
    root: Path | None,
    rounds: int,
    synchronous: str,
    apache: bool,
    keep: Path | None,
) -> None:
    """Send identified batches while service, engine, emitter and connections fail; then compare. Status 1: a promise
    was broken."""
    plan = Plan(seconds, secrets.randbelow(10**6) if seed is None else seed, rate, memory * 2**20)
    if ha:
        if root is None:
            raise click.UsageError("--ha needs --root, a Debian root: docs/failover.md says how to make it.")
        print(
            f"# seed {plan.seed}, {plan.seconds:g} s, every fault {rounds}x or more, on a cluster out of {root}, "
            f"synchronous_mode {synchronous}"
        )
        cluster = Cluster(root, apache=apache, synchronous=synchronous)
        sys.exit(asyncio.run(_fail_over(plan, cluster, rounds, keep)))
    print(f"# seed {plan.seed}, {plan.seconds:g} s, on {'a server' if database_url else 'the embedded engine'}")
    sys.exit(asyncio.run(_main(plan, database_url, container, cache, keep)))


async def _fail_over(plan: Plan, cluster: Cluster, rounds: int, keep: Path | None) -> int:
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            result = await fail_over(plan, cluster, rounds, folder, _say)
        except RuntimeError as exc:
            print(f"chaos: {exc}", file=sys.stderr)
            return 2
    show_failovers(result)
    return 1 if result.history.violations else 0


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
