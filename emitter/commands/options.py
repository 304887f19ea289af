"""The options that several commands have in common, and checks of their values."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import available_timezones

import click

from emitter.commands.words import as_sentence
from emitter.data.times import parse_instant
from emitter.errors import EmitterError
from emitter.producer import ProducerError, Rejected
from emitter.producer.link import Link
from emitter.producer.readings import MAX_SERIES
from emitter.quantities import parse_duration
from emitter.settings import EmitterSettings

_BYTES = re.compile("[\ud800-\udfff]")
F = TypeVar("F", bound=Callable[..., Any])

LARGEST_BATCH = 5000
"""The most readings of a batch, which is still well below the largest frame that services accept."""


EX_NOPERM = 77
"""The exit status where the service refuses this producer, from sysexits.h. By it a supervisor can tell that a restart
won't help."""


class Command(click.Command):
    """A command whose errors are one sentence, and end it with the status that belongs to them."""

    def invoke(self, ctx: click.Context) -> Any:
        """Runs the command, with our own errors turned into click's."""
        try:
            return super().invoke(ctx)
        except (EmitterError, ProducerError) as exc:
            click.echo(f"Error: {as_sentence(exc.detail)}", err=True)
            ctx.exit(EX_NOPERM if isinstance(exc, Rejected) else 1)


class Commands(Command, click.Group):
    """A group of such commands."""


def check_duration(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """The duration in `10s`, `1h30m`, `1d`, ISO 8601 or a number of seconds; it must be at least a millisecond."""
    duration = check_patience(ctx, param, value)
    if duration is not None and duration < timedelta(milliseconds=1):
        raise click.BadParameter(f"{value!r} is less than a millisecond.")
    return duration


def check_patience(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """The same, but the duration may be zero."""
    try:
        return parse_duration(value) if value is not None else None
    except ValueError as exc:
        raise click.BadParameter(f"{exc}.") from None


def check_instant(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    """RFC 3339, epoch, `now`, `now-2h` or `-2h` as a time in UTC; `now` is the same for all options of a command."""
    now = ctx.meta.setdefault("emitter.now", datetime.now(UTC))
    try:
        return parse_instant(value, now) if value is not None else None
    except ValueError as exc:
        raise click.BadParameter(f"{exc}.") from None


def check_series(ctx: click.Context, param: click.Parameter, value: Sequence[str]) -> list[str]:
    """Names of series that the service accepts, without duplicates."""
    for name in value:
        check_text(ctx, param, name)
        if not 1 <= len(name) <= MAX_SERIES:
            raise click.BadParameter(f"{name!r} has {len(name)} characters; 1 to {MAX_SERIES} are allowed.")
    return list(dict.fromkeys(value))


def check_text(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Text that can be sent; bytes of the command line that aren't UTF-8 can't."""
    if value is not None and _BYTES.search(value):
        raise click.BadParameter(f"{value!r} isn't text in UTF-8.")
    return value


def check_zone(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """The name of an IANA time zone, in capital or small letters."""
    if not value:
        return None
    for name in available_timezones():
        if name.lower() == value.strip().lower():
            return name
    raise click.BadParameter(f"{value!r} isn't an IANA time zone; write one like Europe/Berlin.")


def check_time_format(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """A format that strptime understands."""
    if value is not None:
        try:
            datetime.strptime(datetime.now(UTC).strftime(value), value)  # noqa: DTZ007
        except (ValueError, re.error):
            raise click.BadParameter(f"{value!r} isn't a format that strptime reads, like '%d.%m.%Y %H:%M'.") from None
    return value


def check_delimiter(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """A single character."""
    value = {"tab": "\t", "\\t": "\t"}.get(value, value)
    if len(value) != 1 or value in '"\r\n':
        raise click.BadParameter(f"{value!r} can't separate cells; use one character such as ; or the word tab.")
    return value


def url_option(command: F) -> F:
    """The option --url."""
    return click.option("--url", help="Address of the service. [env: EMITTER_URL, or API_HOST and API_PORT]")(command)


def bulk_options(command: F) -> F:
    """The options --url, --batch and --wait."""
    command = click.option(
        "--wait",
        metavar="DURATION",
        callback=check_patience,
        default="30s",
        show_default=True,
        help="How long to keep trying while the service takes nothing.",
    )(command)
    command = click.option(
        "--batch",
        type=click.IntRange(1, LARGEST_BATCH),
        help="How many readings are sent and committed together, at most.  [default: 1000]",
    )(command)
    return url_option(command)


def make_link(settings: EmitterSettings, patience: timedelta | None = None) -> Link:
    """The link that the settings describe."""
    seconds = None if patience is None else patience.total_seconds()
    return Link(
        url=settings.url,
        token=settings.token,
        credential="EMITTER_TOKEN",
        window=settings.emitter_window,
        patience=seconds,
    )
