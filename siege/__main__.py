"""`python -m siege [NAMES]`: attacks a service, and prints what others saw of it meanwhile."""

import asyncio
from pathlib import Path

import click

from siege.arsenal import ATTACKS
from siege.run import Outcome, fort, siege
from siege.target import describe
from siege.watch import LIVEZ, WAITS

HEAD = ("attack", "answer", "seconds", f"{LIVEZ} before", *WAITS, "failures", "MiB before, most, after")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(list(ATTACKS)))
@click.option("--list", "listing", is_flag=True, help="Say what each attack does.")
@click.option("--cache", envvar="TAKTLINE_CACHE", default=".taktline/cache", type=click.Path(path_type=Path))
@click.option("--database-url", envvar="SIEGE_DATABASE_URL", help="A server.  [default: the embedded engine]")
@click.option("--log", type=click.Path(path_type=Path), help="File for the service's log.")
def main(names: tuple[str, ...], cache: Path, database_url: str | None, log: Path | None, *, listing: bool) -> None:
    """Attack; without names, in every way."""
    if listing:
        for name in names or ATTACKS:
            print(f"{name}: {describe(ATTACKS[name])}")
        return
    asyncio.run(_main(names or tuple(ATTACKS), cache, database_url, log))


async def _main(names: tuple[str, ...], cache: Path, database_url: str | None, log: Path | None) -> None:
    print(f"| {' | '.join(HEAD)} |\n|{'---|' * len(HEAD)}")
    async with fort(cache, database_url, log) as under_attack:
        async for outcome in siege(names, under_attack):
            print(f"| {' | '.join(_row(outcome))} |", flush=True)


def _row(outcome: Outcome) -> list[str]:
    seen = outcome.seen
    waits = [f"{seconds:.2f} s" for seconds in (outcome.seconds, seen.calm, *seen.waits.values())]
    memory = ", ".join(f"{size / 2**20:.0f}" for size in (seen.before, seen.most, seen.after))
    return [outcome.name, outcome.answer, *waits, str(seen.failures), memory]


if __name__ == "__main__":
    main()
