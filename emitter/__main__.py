"""The command line of the emitter."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import click

from emitter import log
from emitter.bulk import Bulk, Pace
from emitter.cells import Layout
from emitter.fill import Span, fill
from emitter.live import Live, Plan
from emitter.options import (
    Commands,
    bulk_options,
    check_delimiter,
    check_duration,
    check_instant,
    check_series,
    check_time_format,
    check_zone,
    make_link,
    url_option,
)
from emitter.replay import Replay
from emitter.settings import EmitterSettings
from emitter.sources import CpuSource, RandomSource
from emitter.spool import Spool
from emitter.table import Table, name_of, opened, size_of
from emitter.times import show, to_milliseconds

BATCH = 1000
"""Readings to a batch of those that exist already."""


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="taktline")
def commands() -> None:
    """Producers of readings for Taktline. Settings come from the environment and from .env; options go before them."""


@commands.command("run")
@url_option
@click.option(
    "--source",
    type=click.Choice(["random", "cpu"]),
    default="random",
    show_default=True,
    help="random: a plan and a fact near it. cpu: this machine's CPU use in percent, and its slow average as plan.",
)
@click.option(
    "--interval",
    metavar="DURATION",
    callback=check_duration,
    help="Time between two readings.  [env: EMITTER_INTERVAL; default: 10s]",
)
@click.option(
    "--series",
    multiple=True,
    callback=check_series,
    help="Series to send; repeatable.  [env: EMITTER_SERIES; default: default]",
)
@click.option("--count", type=click.IntRange(min=1), help="Stop after so many readings of each series.")
@click.option(
    "--spool", type=click.Path(dir_okay=False), help="File for unacknowledged readings.  [env: EMITTER_SPOOL]"
)
@click.option("--stdin-lifeline", is_flag=True, hidden=True)
def run_live(
    url: str | None,
    source: str,
    interval: timedelta | None,
    series: list[str],
    count: int | None,
    spool: str | None,
    stdin_lifeline: bool,
) -> None:
    """Send a reading every few seconds, for ever.

    Readings wait in a file until the service has acknowledged them: over its outages, and over restarts of both. When
    the file is full, new readings are dropped, with a warning. A signal ends it with status 0.
    """
    seconds = interval.total_seconds() if interval else None
    settings = EmitterSettings.load(emitter_url=url, emitter_interval=seconds, emitter_spool=spool)
    log.configure(settings.log_level)
    plan = Plan(
        interval=settings.emitter_interval,
        series=series or [settings.emitter_series],
        count=count,
    )
    with Spool(settings.emitter_spool, settings.emitter_spool_max_bytes) as kept:
        readings = CpuSource(plan.interval) if source == "cpu" else RandomSource()
        live = Live(readings, plan, kept, make_link(settings))
        try:
            asyncio.run(live.run(settings.emitter_grace, stdin_lifeline))
        finally:
            click.echo(live.summary())


@commands.command("fill")
@bulk_options
@click.option(
    "--from",
    "start",
    metavar="TIME",
    callback=check_instant,
    help="First instant, such as -2h.  [default: two hours before --until]",
)
@click.option(
    "--until",
    "end",
    metavar="TIME",
    callback=check_instant,
    default="now",
    show_default=True,
    help="End, itself not filled.",
)
@click.option(
    "--series",
    multiple=True,
    callback=check_series,
    default=["sample"],
    show_default=True,
    help="Series to fill; repeatable.",
)
@click.option(
    "--every",
    metavar="DURATION",
    callback=check_duration,
    default="10s",
    show_default=True,
    help="Time between two readings.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another seed, another history.")
@click.pass_context
def run_fill(
    ctx: click.Context,
    url: str | None,
    batch: int | None,
    wait: float,
    start: datetime | None,
    end: datetime,
    series: list[str],
    every: timedelta,
    seed: int,
) -> None:
    """Fill a range of time with believable test data.

    The same seed gives the same readings at the same instants; the same command with fixed times again writes
    nothing twice.
    """
    settings = EmitterSettings.load(emitter_url=url)
    log.configure(settings.log_level)
    start = start or end - timedelta(hours=2)
    span = Span(to_milliseconds(start), to_milliseconds(end), every // timedelta(milliseconds=1))
    if not len(span):
        raise click.UsageError(f"There is nothing to fill from {show(start)} until {show(end)}.", ctx)
    names, seconds = ", ".join(series), f"{every.total_seconds():g}"
    click.echo(f"Filling {names} from {show(start)} until {show(end)}, every {seconds} s, seed {seed}.", err=True)
    bulk = Bulk(fill(span, series, seed, batch or BATCH), make_link(settings, wait))
    bulk.run("fill", len(span) * len(series), settings.emitter_grace)


@commands.command("replay")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, allow_dash=True))
@bulk_options
@click.option("--ts", default="ts", show_default=True, metavar="COLUMN", help="Column with the time.")
@click.option("--plan", metavar="COLUMN", help="Column with the plan.  [default: plan, if there is one]")
@click.option("--fact", metavar="COLUMN", help="Column with the fact.  [default: fact, if there is one]")
@click.option("--series", metavar="COLUMN", help="Column with the series.  [default: series, if there is one]")
@click.option("--series-name", metavar="NAME", help="Series of a file, or of rows, that name none.  [default: default]")
@click.option("--tz", "zone", metavar="ZONE", callback=check_zone, help="Zone of times that say none: Europe/Berlin.")
@click.option(
    "--time-format",
    metavar="FORMAT",
    callback=check_time_format,
    help="As in strptime.  [default: ISO 8601, or seconds or milliseconds since 1970]",
)
@click.option("--delimiter", default=",", show_default=True, callback=check_delimiter, help="One character, or `tab`.")
@click.option("--attributes/--no-attributes", default=True, show_default=True, help="Keep the other columns.")
@click.option(
    "--speed",
    type=click.FloatRange(min=0, min_open=True),
    help="60: as it happened, but 60 times as fast, a reading to a batch.  [default: as fast as it goes]",
)
@click.option("--strict", is_flag=True, help="Stop at the first bad row instead of leaving it out.")
@click.option("--dry-run", is_flag=True, help="Read the file, say what is wrong with it, send nothing.")
def run_replay(
    file: str,
    url: str | None,
    batch: int | None,
    wait: float,
    speed: float | None,
    strict: bool,
    dry_run: bool,
    **layout: Any,
) -> None:
    """Send the readings in a CSV file with a header row; - is standard input.

    The same file again writes nothing twice, as long as columns, times and --batch are read in the same way. A file
    that has grown writes what is new, except that the last batch of the time before is no longer the same one.
    """
    settings = EmitterSettings.load(emitter_url=url)
    log.configure(settings.log_level)
    with opened(file) as source:
        replay = Replay(Table(source, Layout(**layout)), batch or (1 if speed else BATCH), strict)
        if dry_run:
            replay.check()
            return
        pace = Pace(speed) if speed else None
        bulk = Bulk(replay.parcels(), make_link(settings, wait), pace, lambda: f", {replay.bad:,} bad rows left out")
        bulk.run(f"replay {name_of(file)}", size_of(source), settings.emitter_grace)


def main() -> None:
    """The console script."""
    commands(prog_name="emitter")


if __name__ == "__main__":
    main()
