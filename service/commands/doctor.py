"""`taktline doctor`: looks an installation over, and changes nothing."""

import sys
from importlib.metadata import version

import click
import msgspec
from pydantic import SecretStr
from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from service.access.hosts import is_loopback
from service.commands.running import run
from service.doctor.page import as_json, as_text
from service.doctor.report import Configured, Report
from service.opening import place_of, reached
from service.settings import Settings, env_file_is_folder, slips
from service.store import open_store
from service.store.examination import Examination
from service.store.migrate import pending, search_path
from service.store.standby_examination import examine_standbys

WELL, WARNED, UNREACHED = 0, 1, 2
"""The exit statuses."""


EXAMPLES = """\b
Examples:
  taktline doctor
  taktline doctor --json > found.json
  docker compose exec service taktline doctor
"""


@click.command(epilog=EXAMPLES)
@click.option("--json", "in_json", is_flag=True, help="As JSON.")
def doctor(*, in_json: bool) -> None:
    """Look an installation over: settings, sizes, jobs, what is kept, and what should be mended.

    Nothing is changed, and a service may be running. The exit status is 0 where all is well, 1 where there are
    warnings, and 2 where the settings can't be read or the database can't be reached.
    """
    status = WELL

    async def command(settings: Settings) -> None:
        nonlocal status
        report = await _report(settings)
        status = WARNED if report.warnings else WELL
        click.echo(as_json(report).decode() if in_json else as_text(report), nl=in_json)

    def failed(why: str) -> None:
        if in_json:
            click.echo(msgspec.json.format(msgspec.json.encode({"ok": False, "error": why})).decode())
        click.echo(f"taktline: {why}", err=True)
        sys.exit(UNREACHED)

    run(command, failed)
    sys.exit(status)


async def _report(settings: Settings) -> Report:
    async with reached(settings, lambda _: None) as (hosts, server):
        path, read_url = search_path(settings.database_schema, server), settings.read_database
        files = await pending(hosts, settings.database_schema, server)
        findings = None
        if not files:
            async with open_store(hosts, path, server) as store:
                findings = await Examination(store.reading, server).examine()
        standbys = () if read_url is None else await examine_standbys(read_url, hosts, path)
        several = hosts.several
    is_open = settings.anonymous in ("auto", "all") and not is_loopback(settings.api_host)
    return Report(
        version("taktline"),
        place_of(settings, hosts),
        settings.database_schema,
        server,
        _configured(settings),
        settings.lifetimes,
        tuple(files),
        findings,
        is_open and (settings.anonymous == "all" or not (findings and findings.has_keys)),
        standbys,
        several,
        slips(),
        env_file_is_folder(),
    )


def _configured(settings: Settings) -> tuple[Configured, ...]:
    """The settings that aren't at their defaults; those of the environment come before those of the file."""
    places = {".env": DotEnvSettingsSource(Settings)(), "environment": EnvSettingsSource(Settings)()}
    where = {name: named for named, found in places.items() for name in found}
    fields = ((name, getattr(settings, name), where.get(name, "")) for name in Settings.model_fields)
    return tuple(
        Configured(name.upper(), _shown(value), named)
        for name, value, named in fields
        if named and value != Settings.model_fields[name].default
    )


def _shown(value: object) -> str:
    return "(a secret)" if isinstance(value, SecretStr) else str(value)
