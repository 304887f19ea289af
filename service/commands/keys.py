"""`taktline keys`: makes, lists and revokes the keys of an installation, beside a running service or without one."""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import click
import msgspec

from service.access.grants import Scope
from service.access.keys import KeyRecord, NewKey, digest_of, new_key
from service.commands.opening import opened
from service.commands.options import check_duration
from service.commands.running import run
from service.errors import TaktlineError
from service.settings import Settings

MAX_NAME, MAX_PATTERN = 100, 200
"""The most characters of a key's name, and of a pattern of series."""


EXAMPLES = """\b
Examples:
  taktline keys add admin --scope admin
  taktline keys add "line 1" --scope write --series "line 1" --rate 100
  taktline keys add screens --scope read --expires 90d
  taktline keys list
  taktline keys revoke "line 1"
"""
ADD_EXAMPLES = """\b
Examples:
  taktline keys add "line 1" --scope write --series "line 1"
  taktline keys add planner --scope read --scope correct
  taktline keys add report --scope read --expires 90d > report.key

What the scopes let one do: docs/access.md.
"""


@click.group(epilog=EXAMPLES)
def keys() -> None:
    """Make, list and revoke the keys that say who may do what.

    They work beside a running service, which knows of each change within five seconds. The database is that of the
    settings, as for run_server.
    """


def _check_name(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if not 1 <= len(value) <= MAX_NAME or not value.isprintable() or value != value.strip():
        raise click.BadParameter(f"a name has 1 to {MAX_NAME} characters that can be seen, and no blanks around them.")
    return value


def _check_series(ctx: click.Context, param: click.Parameter, value: Sequence[str]) -> tuple[str, ...] | None:
    for pattern in value:
        if not 1 <= len(pattern) <= MAX_PATTERN or "\0" in pattern:
            raise click.BadParameter(f"a pattern has 1 to {MAX_PATTERN} characters, none of them NUL.")
    return tuple(dict.fromkeys(value)) or None


def _check_rate(ctx: click.Context, param: click.Parameter, value: float | None) -> float | None:
    if value is not None and not (math.isfinite(value) and value > 0):
        raise click.BadParameter("it must be more than 0 readings a second.")
    return value


@keys.command("add", epilog=ADD_EXAMPLES)
@click.argument("name", callback=_check_name)
@click.option(
    "--scope",
    "scopes",
    type=click.Choice([scope.value for scope in Scope]),
    multiple=True,
    required=True,
    help="What it may do; may be given several times. `correct` includes `write`, `admin` everything.",
)
@click.option(
    "--series",
    metavar="PATTERN",
    multiple=True,
    callback=_check_series,
    help='The series that it may write and see, * for any text, like "line *"; may be given several times.'
    "  [default: all]",
)
@click.option(
    "--rate",
    metavar="NUMBER",
    type=float,
    callback=_check_rate,
    help="The most readings a second that it may send.  [default: INGEST_RATE]",
)
@click.option(
    "--expires", metavar="DURATION", callback=check_duration, help="How long it holds, like 90d.  [default: for ever]"
)
def add(
    name: str,
    scopes: tuple[str, ...],
    series: tuple[str, ...] | None,
    rate: float | None,
    expires: timedelta | None,
) -> None:
    """Make a key, and print it: this once, since only its SHA-256 is kept.

    The key alone goes to the standard output, everything else to the standard error.
    """
    new = NewKey(name, frozenset(map(Scope, scopes)), series, rate, expires)

    async def command(settings: Settings) -> None:
        async with opened(settings) as (store, place):
            is_first = not await store.keys.any()
            key = new_key()
            if not await store.keys.add(new, digest_of(key)):
                raise TaktlineError(f"There is a key {name!r} already. Revoke it first, or choose another name.")
        click.echo(key)
        click.echo(f"The key {name!r} is made, in {place}.\nIt isn't shown again: keep it now.", err=True)
        if is_first:
            click.echo("It is the first: from now on, nothing is open without a key but what ANONYMOUS says.", err=True)

    run(command)


@keys.command(
    "list", epilog="\b\nExamples:\n  taktline keys list --all\n  taktline keys list --json | jq -r '.[].name'"
)
@click.option("--all", "revoked", is_flag=True, help="Also those that were revoked.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, with times in UTC.")
def list_keys(*, revoked: bool, as_json: bool) -> None:
    """Show the keys: what each may do, and when it was used last, to the minute."""

    async def command(settings: Settings) -> None:
        async with opened(settings) as (store, _):
            found = await store.keys.all(revoked=revoked)
        if as_json:
            click.echo(msgspec.json.format(msgspec.json.encode(found)).decode())
            return
        click.echo(_table(found, ZoneInfo(settings.chart_tz), revoked=revoked))

    run(command)


@keys.command("revoke", epilog='\b\nExample:\n  taktline keys revoke "line 1"')
@click.argument("name")
def revoke(name: str) -> None:
    """Revoke a key. Within five seconds nobody can use it any more, not even on open connections."""

    async def command(settings: Settings) -> None:
        async with opened(settings) as (store, _):
            if not await store.keys.revoke(name):
                names = ", ".join(repr(key.name) for key in await store.keys.all(revoked=False))
                raise TaktlineError(f"There is no key {name!r}; there {f'are {names}' if names else 'is none at all'}.")
        click.echo(f"The key {name!r} is revoked.", err=True)

    run(command)


def _table(records: Sequence[KeyRecord], zone: ZoneInfo, *, revoked: bool) -> str:
    head = ("NAME", "SCOPES", "SERIES", "RATE", "MADE", "EXPIRES", "USED", *(["REVOKED"] if revoked else []))
    rows = [head, *(_row(one, zone)[: len(head)] for one in records)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(f"{cell:{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "\n".join([*lines, f"{len(records)} in all; times in {zone}."])


def _row(record: KeyRecord, zone: ZoneInfo) -> tuple[str, ...]:
    def moment(time: datetime | None, otherwise: str) -> str:
        return otherwise if time is None else f"{time.astimezone(zone):%Y-%m-%d %H:%M}"

    return (
        record.name,
        " ".join(scope.value for scope in record.scopes),
        "all" if record.series is None else ", ".join(record.series),
        "" if record.rate is None else f"{record.rate:g}/s",
        moment(record.created, ""),
        moment(record.expires, "never"),
        moment(record.used, "never"),
        moment(record.revoked, ""),
    )
