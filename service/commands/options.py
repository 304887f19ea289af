"""Checks of the options that several commands have in common."""

from datetime import timedelta

import click

from service.quantities import parse_duration

SHORTEST, LONGEST = timedelta(seconds=1), timedelta(days=36_500)


def check_duration(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """A duration like `90d`."""
    try:
        duration = None if value is None else parse_duration(value)
    except ValueError as exc:
        raise click.BadParameter(f"{exc}.") from None
    if duration is not None and not SHORTEST <= duration <= LONGEST:
        raise click.BadParameter(f"{value!r} is less than a second or more than a hundred years.")
    return duration
