"""`taktline share`: signs a link that opens one chart for whoever has it."""

import math
import time
from datetime import timedelta
from urllib.parse import urlsplit, urlunsplit

import click

from service.access.signatures import Signatures, Signed
from service.commands.opening import opened
from service.commands.options import check_duration
from service.commands.running import run
from service.errors import TaktlineError
from service.routes.authentication import SIGNED_ADDRESS
from service.settings import Settings


def _check_address(ctx: click.Context, param: click.Parameter, value: str) -> str:
    if not urlsplit(value).path.endswith(SIGNED_ADDRESS):
        raise click.BadParameter(
            f"only charts can be shared: an address like https://taktline.example{SIGNED_ADDRESS}?from=-8h."
        )
    return value


@click.command()
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

    Whoever has the link sees this chart and nothing else, without a key, until it expires or the key NAME is revoked or
    expires. It shows the series that this key may see.
    """

    async def command(settings: Settings) -> None:
        async with opened(settings) as keys:
            key = await keys.id_of(name)
            if key is None:
                raise TaktlineError(f"There is no key {name!r} that may be used now.")
            signatures = Signatures(await keys.signing_secret())
        until = math.ceil(time.time() + expires.total_seconds())
        parts = urlsplit(address)
        click.echo(urlunsplit(parts._replace(query=signatures.link(parts.query, Signed(key, until)))))

    run(command)
