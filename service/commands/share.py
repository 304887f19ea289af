"""`taktline share`: signs a link that opens one chart for whoever has it."""

import math
import time
from datetime import timedelta
from urllib.parse import SplitResult, urlsplit, urlunsplit

import click

from service.access.grants import Grant, Scope
from service.access.hosts import hosts_for
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
from service.run.http_limits import MAX_HEAD
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
    is_whole = bool(parts.scheme in ("http", "https") and parts.netloc)
    is_path = value.startswith("/") and not value.startswith("//")
    if not parts.path.endswith(SIGNED_ADDRESS) or not (is_whole or is_path):
        raise click.BadParameter(
            f"only charts can be shared: an address like https://taktline.example{SIGNED_ADDRESS}?from=-8h."
        )
    if is_whole:
        try:
            read_public_url(f"{parts.scheme}://{parts.netloc}")
        except ValueError as exc:
            raise click.BadParameter(f"{exc}.") from None
    return value


FIELDS = 4096
"""Bytes that a browser's headers may take beside the address, of MAX_HEAD in service/run/http_limits.py."""

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
        _check_host(parts.netloc, urlsplit(public).netloc, settings)
        async with opened(settings) as (store, _):
            grant = next((key.grant for key in await store.keys.live() if key.grant.name == name), None)
            if grant is None or grant.key is None:
                raise TaktlineError(f"There is no key {name!r} that may be used now.")
            await store.retention.look()
            _check(grant, parts.query, settings, store.retention.kept)
            signatures = Signatures(await store.keys.signing_secret())
        until = math.ceil(time.time() + expires.total_seconds())
        signed = parts._replace(query=signatures.link(parts.query, Signed(grant.key, until)))
        _check_length(signed)
        click.echo(urlunsplit(signed))
        if not parts.netloc:
            click.echo("PUBLIC_URL isn't set: put the address of the service before the link.", err=True)
        elif address.startswith("/") and not parts.path.endswith(f"{settings.root_path}{SIGNED_ADDRESS}"):
            click.echo(
                f"PUBLIC_URL hasn't the prefix of ROOT_PATH, {settings.root_path}: the link opens nothing where a "
                f"proxy passes on what has it alone. Is {public}{settings.root_path} meant?",
                err=True,
            )

    run(command)


def _check_path(parts: SplitResult, *prefixes: str) -> None:
    """Raise TaktlineError where there is no chart below any of these prefixes."""
    if parts.path not in {f"{prefix}{SIGNED_ADDRESS}" for prefix in ("", *prefixes)}:
        raise TaktlineError(
            f"There is nothing at {parts.path}. A prefix before {SIGNED_ADDRESS} is that of ROOT_PATH or PUBLIC_URL."
        )


def _check_host(host: str, public: str, settings: Settings) -> None:
    """Raise TaktlineError where the service with these settings answers nothing as this host. Whether it does as that
    of PUBLIC_URL depends on the proxy, which may ask by another name."""
    try:
        if not host or hosts_for(settings.allowed_hosts, settings.api_host).allow(host):
            return
    except ValueError:
        raise TaktlineError(f"{quoted(host)} isn't a host.") from None
    if host != public:
        raise TaktlineError(
            f"With these settings nothing is served as {quoted(host)}: name it in ALLOWED_HOSTS, or in PUBLIC_URL "
            "where a proxy asks the service by another name."
        )
    click.echo(
        f"ALLOWED_HOSTS doesn't name {quoted(host)}, the host of PUBLIC_URL: the link opens nothing unless a proxy "
        "asks the service by another name.",
        err=True,
    )


def _check_length(signed: SplitResult) -> None:
    """Raise TaktlineError where the service wouldn't read so long an address."""
    size = len(f"{signed.path}?{signed.query}")
    if size > (most := MAX_HEAD - FIELDS):
        raise TaktlineError(
            f"The link would be {size:,} bytes long after its host, and the service takes at most {most:,}. Show fewer "
            "series in it."
        )


def _check(grant: Grant, query: str, settings: Settings, kept: Kept) -> None:
    """Raise TaktlineError where a link that this key signs would open nothing."""
    if not grant.may(Scope.READ):
        raise TaktlineError(f"The key {grant.name!r} has not the scope read, so a link by it would open nothing.")
    check_link(query, grant, defaults_of(settings), lambda _: kept)
