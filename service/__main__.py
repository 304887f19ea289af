"""The command line: `taktline run_server`, `taktline demo`, `taktline migrate`, `taktline keys`,
`taktline share`, `taktline doctor`, `taktline completion`."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import click
import structlog

from service.commands.completion import completion
from service.commands.doctor import doctor
from service.commands.keys import keys
from service.commands.running import run
from service.commands.share import share
from service.limits.open_files import allow_many
from service.opening import open_database, reached
from service.run.boot import Service, serving, settle
from service.run.demo import emitting
from service.run.federated import serving_federation
from service.run.lifecycle import leave
from service.run.workers import run_workers
from service.settings import Settings, env_file_is_folder, slips
from service.store.migrate import pending

log = structlog.stdlib.get_logger("service")

BEGIN = """\b
To begin with:
  taktline demo                       sample readings, at http://localhost:8080/
  taktline run_server                 the same without them, for your own
  taktline keys add me --scope admin  from then on, nobody comes in without a key
  taktline doctor                     whether all is well, and what isn't

\b
Exit status (doctor and migrate --check have their own):
  0    done, or stopped as it was told
  1    it can't be done: the sentence on the standard error says why
  2    the command line can't be understood
  130  Ctrl-C or SIGTERM came before the service ran
"""
SERVE = """\b
Examples:
  DATABASE_URL=postgresql://taktline@localhost/taktline taktline run_server
  API_HOST=127.0.0.1 API_PORT=9000 LOG_LEVEL=debug taktline run_server
  docker run -p 8080:8080 -e DATABASE_URL=… taktline run_server

Settings are in .env.example, and in the README with their defaults. SIGTERM or Ctrl-C stops it: what was accepted is
committed and acknowledged first, within SHUTDOWN_GRACE; a second Ctrl-C leaves it a second.
"""
DEMO = """\b
Examples:
  taktline demo                         then open http://localhost:8080/
  API_PORT=9000 taktline demo           where 8080 is taken
  TAKTLINE_DATA=/tmp/try taktline demo  somewhere else than in the data directory
"""
MIGRATE = """\b
Examples:
  DATABASE_URL=postgresql://taktline@localhost/taktline taktline migrate --check
  DATABASE_URL=postgresql://taktline@localhost/taktline taktline migrate

The service does the same when it starts. Where several run, do it before they get a new version: those of the version
before go on meanwhile.
"""


@click.group(epilog=BEGIN, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="taktline")
def main() -> None:
    """Plan against fact, minute by minute. Settings are read from the environment and from .env."""


@main.command("run_server", epilog=SERVE, short_help="Run the service.")
def run_server() -> None:
    """Run the service, on an embedded TimescaleDB unless DATABASE_URL is set."""
    allow_many()
    run(_serve)


@main.command(epilog=DEMO)
def demo() -> None:
    """Run the service with sample readings and an emitter.

    Where there are none yet, two hours of readings are filled in; then a new one comes each ten seconds. The data are
    those of run_server.
    """
    allow_many()
    run(_demo)


@main.command(epilog=MIGRATE)
@click.option(
    "--check", is_flag=True, help="Only say what would be applied; the status is 0 for nothing, 1 for something."
)
def migrate(*, check: bool) -> None:
    """Bring the database's schema up to date, then exit."""
    if not check:
        run(_migrate)
        return
    found: list[str] = []

    async def look(settings: Settings) -> None:
        async with reached(settings, log.info) as (hosts, server):
            found.extend(await pending(hosts, settings.database_schema, server))

    def refused(why: str) -> None:
        click.echo(f"taktline: {why}", err=True)
        sys.exit(2)

    run(look, refused)
    for name in found:
        click.echo(f"would apply {name}")
    click.echo("the schema is up to date" if not found else f"{len(found)} files", err=True)
    sys.exit(1 if found else 0)


async def _serve(settings: Settings) -> int:
    _warn_of_what_is_ignored()
    if settings.workers > 1:
        return await run_workers(settings)
    if settings.federate:
        async with serving_federation(settings, log.info, leave=leave) as view:
            view.parts.assets.prepare()
            await view.ended()
        log.info("stopped")
        return 0
    async with _running(settings) as service:
        await service.ended()
    log.info("stopped")
    return 0


async def _demo(settings: Settings) -> None:
    _warn_of_what_is_ignored()
    async with _running(settings) as service, emitting(service, settings.taktline_data):
        await service.ended()
    log.info("stopped")


def _warn_of_what_is_ignored() -> None:
    for name, meant in slips().items():
        log.warning(f"{name} isn't a setting; is {meant} meant?")
    if env_file_is_folder():
        log.warning(".env is a folder, so that no setting is read from it; put the file in its place")


@asynccontextmanager
async def _running(settings: Settings) -> AsyncIterator[Service]:
    async with serving(settings, log.info, leave=leave) as service:
        settle(service)
        yield service


async def _migrate(settings: Settings) -> None:
    async with open_database(settings, log.info):
        log.info("the schema is up to date", schema=settings.database_schema)


main.add_command(completion)
main.add_command(keys)
main.add_command(share)
main.add_command(doctor)

if __name__ == "__main__":
    main()
