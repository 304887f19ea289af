"""`emitter run`: a reading every few seconds, for ever, whatever becomes of the service meanwhile."""

import asyncio
import math
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta

import click
import msgspec
import structlog

from emitter.answers import Answer, Refusal
from emitter.client import Sender
from emitter.delivery import deliver, in_thread, stop_signals, wait_for_end_of_input
from emitter.errors import SpoolFull
from emitter.link import Link
from emitter.log import configure
from emitter.options import check_duration, check_series, make_link, url_option
from emitter.outbox import Outbox
from emitter.readings import Batch, Reading, encode, envelope
from emitter.settings import EmitterSettings
from emitter.sources import CpuSource, RandomSource, Source
from emitter.spool import Spool
from emitter.words import counted, readings

log = structlog.get_logger()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What to produce: every `interval` seconds a reading of each series, `count` times or for ever."""

    interval: float
    series: Sequence[str]
    count: int | None = None


class Live:
    """The live emitter: puts what a source tells into the spool, from where the sender takes it."""

    def __init__(self, source: Source, plan: Plan, spool: Spool, link: Link) -> None:
        self.dropped = 0
        """Readings that found the spool full."""
        self._source = source
        self._plan = plan
        self._outbox = Outbox(spool)
        self._sender = Sender(self._outbox, link, self._tell)

    async def run(self, grace: float, lifeline: bool) -> None:
        """Until the count is reached, a signal comes, or, with `lifeline`, standard input ends."""
        log.info(
            "emitting",
            series=_shorten(self._plan.series),
            every=f"{self._plan.interval:g} s",
            to=self._sender.link.name,
        )
        with stop_signals() as stop:
            watching = asyncio.create_task(_watch_lifeline(stop)) if lifeline else None
            try:
                await deliver(self._sender, self._produce(), stop, grace)
            finally:
                if watching:
                    watching.cancel()

    def summary(self) -> str:
        """What became of the readings, in a line."""
        tally, spool = self._sender.tally, self._outbox.spool
        return (
            f"{readings(tally.written)} written, {counted(tally.duplicates, 'duplicate', 'duplicates')}, "
            f"{tally.refused:,} refused, "
            f"{self.dropped:,} dropped, {spool.readings:,} waiting in {spool.path}"
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
        """A live reading can't wait for room: without any it is dropped, said and counted."""
        try:
            self._outbox.offer(envelope(uuid.uuid4().hex, [encode(reading) for reading in readings]))
        except SpoolFull as exc:
            self.dropped += len(readings)
            log.warning("reading dropped", why=str(exc), dropped=self.dropped)

    def _tell(self, batch: Batch, answer: Answer, seconds: float) -> None:
        """One line a reading, but not for each of a long backlog."""
        if isinstance(answer, Refusal):
            return
        waiting = self._outbox.spool.readings
        say = log.debug if waiting else log.info
        say("acknowledged", **_gist(batch), ms=round(seconds * 1000), waiting=waiting)


@click.command("run")
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
    with Spool(settings.emitter_spool, settings.emitter_spool_max_bytes) as kept:
        readings = CpuSource(plan.interval) if source == "cpu" else RandomSource()
        live = Live(readings, plan, kept, make_link(settings))
        try:
            asyncio.run(live.run(settings.emitter_grace.total_seconds(), stdin_lifeline))
        finally:
            click.echo(live.summary())


async def ticks(interval: float) -> AsyncIterator[None]:
    """Now, and then every `interval` seconds; what a sleeping machine missed is left out."""
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
