"""`taktline share`: signs a link that opens one chart for whoever has it."""

import math
import time
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit, urlunsplit

import click

from service.access.grants import Grant, Scope
from service.access.public_url import read_public_url
from service.access.signatures import Signatures, Signed
from service.commands.opening import opened
from service.commands.options import check_duration
from service.commands.running import run
from service.errors import TaktlineError, quoted
from service.page_defaults import defaults_of
from service.period.kept import Kept
from service.routes.authentication import SIGNED_ADDRESS
from service.routes.chart.links import check_link
from service.settings import Settings


def _check_address(ctx: click.Context, param: click.Parameter, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise click.BadParameter("the address has bytes that aren't UTF-8.") from None
    try:
        parts = urlsplit(value)
    except ValueError:
        raise click.BadParameter(f"{quoted(value)} isn't an address.") from None
    is_whole = parts.scheme in ("http", "https") and parts.netloc
    if not parts.path.endswith(SIGNED_ADDRESS) or not (is_whole or value.startswith("/")):
        raise click.BadParameter(
            f"only charts can be shared: an address like https://taktline.example{SIGNED_ADDRESS}?from=-8h."
        )
    return value


EXAMPLES = """\b
Examples:
  taktline share "https://taktline.example/chart?from=-8h&series=line 1" --key screens
  taktline share "/chart?from=shift&format=svg" --key screens --expires 7d
"""


@click.command(epilog=EXAMPLES)
@click.argument("address", callback=_check_address)
@click.option("--key", "name", metavar="NAME", required=True, help="The key whose series the chart may show.")
@click.option(
    "--expires",
    metavar="DURATION",
    callback=check_duration,
    default="30d",
    show_default=True,
    help="How long the link holds.",
)
def share(address: str, name: str, expires: timedelta) -> None:
    """Sign ADDRESS, that of a chart, and print it.

    An ADDRESS that begins with a slash is one at PUBLIC_URL, if that is set. Whoever has the link sees this chart and
    nothing else, without a key, until it expires or the key NAME is revoked or expires. It shows the series that this
    key may see. An ADDRESS that would open an error now isn't signed.
    """

    async def command(settings: Settings) -> None:
        public = read_public_url(settings.public_url)
        parts = urlsplit(f"{public}{address}" if address.startswith("/") else address)
        _check_path(parts, settings.root_path, urlsplit(public).path)
        async with opened(settings) as (store, _):
            grant = next((key.grant for key in await store.keys.live() if key.grant.name == name), None)
            if grant is None or grant.key is None:
                raise TaktlineError(f"There is no key {name!r} that may be used now.")
            await store.retention.look()
            _check(grant, parts.query, settings, store.retention.kept)
            signatures = Signatures(await store.keys.signing_secret())
        until = math.ceil(time.time() + expires.total_seconds())
        click.echo(urlunsplit(parts._replace(query=signatures.link(parts.query, Signed(grant.key, until)))))
        if not parts.netloc:
            click.echo("PUBLIC_URL isn't set: put the address of the service before the link.", err=True)

    run(command)


def _check_path(parts: SplitResult, *prefixes: str) -> None:
    """Raise TaktlineError where there is no chart below any of these prefixes."""
    if parts.path not in {f"{prefix}{SIGNED_ADDRESS}" for prefix in ("", *prefixes)}:
        raise TaktlineError(
            f"There is nothing at {parts.path}. A prefix before {SIGNED_ADDRESS} is that of ROOT_PATH or PUBLIC_URL."
        )


def _check(grant: Grant, query: str, settings: Settings, kept: Kept) -> None:
    """Raise TaktlineError where a link that this key signs would open nothing."""
    if not grant.may(Scope.READ):
        raise TaktlineError(f"The key {grant.name!r} has not the scope read, so a link by it would open nothing.")
    check_link(query, grant, defaults_of(settings), lambda _: kept)
