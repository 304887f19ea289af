"""`emitter run`: sends a reading every few seconds until it is stopped, and keeps readings while the service is
down."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
import msgspec
import structlog

from emitter.commands.log import configure
from emitter.commands.options import check_duration, check_series, make_link, url_option
from emitter.commands.stopping import deliver, stop_signals, wait_for_end_of_input
from emitter.commands.threads import in_thread
from emitter.commands.words import counted, readings
from emitter.data.sources import CpuSource, RandomSource, Source
from emitter.producer import Answer, Batch, Link, Producer, Reading, Refused, SpoolFull, SpoolInUse
from emitter.producer.readings import make_batch
from emitter.settings import EmitterSettings

log = structlog.get_logger()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to produce: every `interval` seconds a reading of each series, `count` times or for ever."""

    interval: float
    series: Sequence[str]
    count: int | None = None


class Live:
    """Reads a source at intervals, and hands its readings to a producer. `grace`: seconds for the last
    acknowledgements."""

    def __init__(self, source: Source, plan: Plan, link: Link, spool: Path, max_bytes: int, grace: float) -> None:
        self.dropped = 0
        """The number of readings that were dropped because the spool was full."""
        self._source = source
        self._plan = plan
        self._spool = spool
        self._grace = grace
        self._producer = Producer(link, spool=spool, max_bytes=max_bytes, grace=0, listener=self._log_answer)

    async def run(self, lifeline: bool) -> None:
        """Runs until the count is reached, a signal comes or, with `lifeline`, standard input ends. Then prints a
        summary."""
        with stop_signals() as stop:
            async with self._producer:
                log.info(
                    "emitting",
                    series=_shorten(self._plan.series),
                    every=f"{self._plan.interval:g} s",
                    to=self._producer.link.name,
                )
                watching = asyncio.create_task(_watch_lifeline(stop)) if lifeline else None
                try:
                    await deliver(self._producer, self._produce(), stop, self._grace)
                finally:
                    if watching:
                        watching.cancel()
                    click.echo(self._summary())

    def _summary(self) -> str:
        tally = self._producer.tally
        return (
            f"{readings(tally.written)} written, {counted(tally.duplicates, 'duplicate', 'duplicates')}, "
            f"{tally.refused:,} refused, "
            f"{self.dropped:,} dropped, {self._producer.waiting:,} waiting in {self._spool}"
        )

    async def _produce(self) -> None:
        produced = 0
        async for _ in ticks(self._plan.interval):
            readings = self._source.read(_now(), self._plan.series)
            if readings:
                self._keep(readings)
                produced += 1
            if produced == self._plan.count:
                return

    def _keep(self, readings: Sequence[Reading]) -> None:
        """Puts readings into the spool. Live readings can't wait for room: where there is none, they are dropped, which
        is logged and counted."""
        try:
            self._producer.offer_batch(make_batch(readings))
        except SpoolFull as exc:
            self.dropped += len(readings)
            log.warning("reading dropped", why=str(exc), dropped=self.dropped)

    def _log_answer(self, batch: Batch, answer: Answer, seconds: float) -> None:
        """Logs each acknowledged reading; while there is a backlog, only at level DEBUG."""
        if isinstance(answer, Refused):
            return
        waiting = self._producer.waiting
        say = log.debug if waiting else log.info
        say("acknowledged", **_gist(batch), ms=round(seconds * 1000), waiting=waiting)


EXAMPLES = """\b
Examples:
  emitter run                                 a random pair each 10 s, to localhost:8080
  emitter run --source cpu --series cpu --interval 5s
  emitter run --series "line 1" --series "line 2" --count 100
  EMITTER_TOKEN_FILE=key emitter run --url wss://taktline.example/
"""


@click.command("run", epilog=EXAMPLES)
@url_option
@click.option(
    "--source",
    type=click.Choice(["random", "cpu"]),
    default="random",
    show_default=True,
    help="random: a random plan and a fact near it. cpu: this machine's CPU use in percent as the fact, and its slow "
    "average as the plan.",
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
    help="Series to send; may be given several times.  [env: EMITTER_SERIES; default: default]",
)
@click.option("--count", type=click.IntRange(min=1), help="Stop after this many readings of each series.")
@click.option(
    "--spool", type=click.Path(dir_okay=False), help="File that keeps unacknowledged readings.  [env: EMITTER_SPOOL]"
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
    """Send a reading every few seconds, until stopped.

    Readings are kept in a file until the service has acknowledged them, so that they survive its outages and restarts
    of either. When the file is full, new readings are dropped, with a warning. Ctrl-C or SIGTERM stops it, with status
    0.
    """
    settings = EmitterSettings.load(emitter_url=url, emitter_interval=interval, emitter_spool=spool)
    configure(settings.log_level)
    plan = Plan(
        interval=settings.emitter_interval.total_seconds(),
        series=series or [settings.emitter_series],
        count=count,
    )
    live = Live(
        CpuSource(plan.interval) if source == "cpu" else RandomSource(),
        plan,
        make_link(settings),
        settings.emitter_spool,
        settings.emitter_spool_max_bytes,
        settings.emitter_grace.total_seconds(),
    )
    try:
        asyncio.run(live.run(stdin_lifeline))
    except SpoolInUse as exc:
        raise SpoolInUse(f"{exc.detail} Give this one another spool with EMITTER_SPOOL or --spool.") from exc


async def ticks(interval: float) -> AsyncIterator[None]:
    """Yields at once and then every `interval` seconds. Ticks that were missed while the machine was asleep are
    skipped."""
    start, number = time.monotonic(), 0
    while True:
        yield
        number = max(number + 1, math.floor((time.monotonic() - start) / interval))
        await asyncio.sleep(start + number * interval - time.monotonic())


async def _watch_lifeline(stop: asyncio.Event) -> None:
    await in_thread(wait_for_end_of_input)
    log.info("standard input ended, stopping")
    stop.set()


def _shorten(names: Sequence[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _now() -> datetime:
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _gist(batch: Batch) -> dict[str, object]:
    first = msgspec.json.decode(batch.payload)["readings"][0]
    return {key: first[key] for key in ("series", "plan", "fact") if key in first}
