"""`python -m bench.load`: puts load on a running service and measures it."""

import asyncio
from datetime import timedelta
from pathlib import Path
from typing import get_args

import click
import msgspec
import uvloop

from bench.load.board import Summary, board, show
from bench.load.supply import Load, Transport
from bench.load.traffic import Course, Traffic
from emitter.commands.log import configure
from emitter.commands.options import LARGEST_BATCH, Command, check_duration, check_patience, make_link, url_option
from emitter.commands.words import readings as readings_said
from emitter.errors import NotFinished
from emitter.settings import EmitterSettings


@click.command(cls=Command, context_settings={"help_option_names": ["-h", "--help"]})
@url_option
@click.option(
    "--transport",
    type=click.Choice(get_args(Transport)),
    default="ws",
    show_default=True,
    help="ws: envelopes over a WebSocket. http-…: one batch a request, on connections that stay open.",
)
@click.option(
    "--connections", type=click.IntRange(0), help="Connections that send all the time.  [default: 8, or 0 with --idle]"
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0, min_open=True),
    help="Readings a second, over all connections.  [default: as many as are acknowledged]",
)
@click.option(
    "--batch", type=click.IntRange(1, LARGEST_BATCH), default=1000, show_default=True, help="Readings in each batch."
)
@click.option(
    "--window",
    type=click.IntRange(1, 1000),
    help="Batches in flight on each connection; over HTTP always 1.  [env: EMITTER_WINDOW; default: 8]",
)
@click.option("--series", type=click.IntRange(1, 1_000_000), default=20, show_default=True, help="Number of series.")
@click.option(
    "--seconds",
    metavar="DURATION",
    callback=check_duration,
    help="How long, such as 30s or 5m.  [default: 10s, unless --readings says when it ends]",
)
@click.option("--readings", type=click.IntRange(1), help="How many readings to send.")
@click.option(
    "--over",
    metavar="DURATION",
    callback=check_duration,
    help="Spread the times of --readings over so long before now.  [default: all of them are of now]",
)
@click.option("--idle", type=click.IntRange(0), default=0, help="Connections that send a single reading now and then.")
@click.option(
    "--every",
    metavar="DURATION",
    callback=check_duration,
    default="10s",
    show_default=True,
    help="How often an idle connection sends.",
)
@click.option(
    "--wait",
    metavar="DURATION",
    callback=check_patience,
    default="10s",
    show_default=True,
    help="How long to keep trying while the service takes nothing.",
)
@click.option(
    "--json",
    "file",
    type=click.Path(dir_okay=False, allow_dash=True, writable=True),
    help="File to write the summary to, as JSON; - is standard output.",
)
def run_load(
    url: str | None,
    transport: Transport,
    connections: int | None,
    rate: float | None,
    batch: int,
    window: int | None,
    series: int,
    seconds: timedelta | None,
    readings: int | None,
    over: timedelta | None,
    idle: int,
    every: timedelta,
    wait: timedelta,
    file: str | None,
) -> None:
    """Put a running service under load and measure it.

    Writes real readings, of the series `bench 0`, `bench 1` and so on. Rate and latencies are those of the
    acknowledgements, which come after COMMIT. Ctrl-C or SIGTERM ends it early, with its summary. Status 1 means that
    readings were refused or not answered.
    """
    settings = EmitterSettings.load(emitter_url=url, emitter_window=window)
    configure(settings.log_level)
    if connections is None:
        connections = 0 if idle else 8
    if not connections + idle:
        raise click.UsageError("There is nothing to do: --connections or --idle must be at least 1.")
    if over is not None and readings is None:
        raise click.UsageError("--over needs --readings, by which the times are spread.")
    past = over.total_seconds() if over else None
    load = Load(transport=transport, batch=batch, series=series, rate=rate, readings=readings, over=past)
    seconds = seconds or (None if readings and connections else timedelta(seconds=10))
    course = Course(
        connections=connections,
        idle=idle,
        every=every.total_seconds(),
        seconds=seconds.total_seconds() if seconds else None,
    )
    traffic = Traffic(make_link(settings, wait), load, course)
    try:
        with (
            board(f"{traffic.link.name}, {transport}") as shown,
            asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        ):
            runner.run(traffic.run(shown, settings.emitter_grace.total_seconds()))
    finally:
        if traffic.began:
            _report(traffic.summary(), file)
    if traffic.score.refused:
        raise NotFinished(
            f"{readings_said(traffic.score.refused, 'refused')}. The first refusal: {traffic.score.refusal}"
        )


def _report(summary: Summary, file: str | None) -> None:
    text = msgspec.json.format(msgspec.json.encode(summary), indent=2).decode()
    if file == "-":
        click.echo(text)
        return
    show(summary)
    if file:
        Path(file).write_text(text + "\n")


if __name__ == "__main__":
    run_load(prog_name="python -m bench.load")
