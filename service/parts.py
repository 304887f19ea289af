"""Joins the parts of the service: opens them in order, and closes them in reverse."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from service.access.keyring import Anonymous, Keyring
from service.access.public_url import read_public_url
from service.access.signatures import Signatures
from service.alerts.addresses import read_address, read_secret_key
from service.alerts.alarms import Alarms
from service.alerts.checking import Checking
from service.alerts.figures import Figures
from service.alerts.rules import read_names, read_rules
from service.alerts.webhook import Webhook
from service.board.reading import Boards
from service.charts.answering import Charts
from service.charts.drawing.templates import take_over
from service.charts.question import Appearance
from service.charts.renderer import open_renderer
from service.crew import Crew
from service.errors import DatabaseUnusable, TaktlineError, Unavailable
from service.intake.gate import Gate
from service.intake.rates import Rates
from service.intake.reading import Rules
from service.intake.series_limit import SeriesLimit
from service.intake.timestamps import microseconds
from service.intake.writer import TOO_SLOW, Writer
from service.limits.allowance import Allowance
from service.limits.fair_line import FairLine
from service.limits.open_files import most_connections
from service.limits.patience import Patience
from service.live.live_feed import LiveFeed, open_feed
from service.live.page_source import StoreSource
from service.metrics import Metrics
from service.opening import Say, open_database
from service.period.shifts import Shifts
from service.routes.connections import Connections
from service.routes.tcp import Intake, listening
from service.settings import Settings
from service.store import READING, Store, open_store
from service.store.database import DatabaseServer
from service.store.database_hosts import DatabaseHosts
from service.store.installation import installation
from service.store.leadership import Leadership
from service.store.migrate import search_path
from service.tracing.opening import open_tracer
from service.tracing.tracer import Tracer
from service.upkeep.job_watch import JobWatch
from service.upkeep.lag_watch import LagWatch
from service.upkeep.rounds import maintain
from service.web.assets import Assets

READS, READS_EACH, MOST_READS = READING - 1, READING // 2, 1000
"""Reads of the database for charts and records: so many at once, so many of them for one caller, and so many in all,
those included that wait. One connection is left for the live pages."""
READS_PATIENCE = 10.0
"""Seconds that such a read may wait for its turn."""
COMMITTERS = 2
"""How many transactions may be under way at once; more than two gain nothing on two cores."""
MOST_EMBEDDED = 100_000
"""The most readings in a batch on the embedded engine: its one session writes them in about a second, and all others
wait meanwhile."""


@dataclass(frozen=True)
class Parts:
    """The parts of one running service. Only this module and service/run see them all; a route is created with those
    that it uses."""

    settings: Settings
    server: DatabaseServer
    hosts: DatabaseHosts
    metrics: Metrics
    store: Store
    writer: Writer
    gate: Gate
    reading: FairLine
    """The line in which callers wait for reads of the database."""
    charts: Charts
    boards: Boards
    checking: Checking
    figures: Figures
    """Where the series stand that the settings name for the metrics."""
    lags: LagWatch
    tracer: Tracer
    feed: LiveFeed
    watch: JobWatch
    assets: Assets
    memory: Allowance
    """The bytes that may be held for clients, beside the writer's queue."""
    places: Allowance
    """The connections that there may be."""
    connections: Connections
    """The open WebSockets that send readings."""
    keyring: Keyring
    """Who may do what."""
    signatures: Signatures
    """What is granted by sessions and signed links."""
    installation: str | None
    """By which a view over several sites knows that two of them are one; None where the database doesn't tell."""
    tcp: Intake | None
    """The listener for readings over TCP; None where it is turned off."""
    crew: Crew | None
    """All workers, where there are several."""

    @property
    def held(self) -> int:
        """The bytes that are held for clients."""
        return self.memory.used + self.writer.size


@asynccontextmanager
async def open_parts(
    settings: Settings,
    say: Say,
    patience: Patience,
    *,
    tcp_socket: socket.socket | None = None,
    crew: Crew | None = None,
) -> AsyncIterator[Parts]:
    """Open every part of the service. Raises StartError, which says in a sentence why the service can't start.

    One of several workers is given the others as `crew`, and the socket for readings over TCP."""
    counters = Metrics()
    if crew is not None:
        crew.counted = counters.counted
    reading = FairLine("reads", READS, MOST_READS, READS_EACH, READS_PATIENCE)
    memory = Allowance(settings.memory_limit - settings.queue_bytes)
    shifts = Shifts.read(settings.shifts, settings.chart_tz)
    places = Allowance(most_connections(settings.max_connections))
    standbys = (read_url, counters) if (read_url := settings.read_database) is not None else None
    async with (
        open_database(settings, say) as (hosts, server),
        open_store(hosts, search_path(settings.database_schema, server), server, standbys) as store,
        _kept(store, settings),
        open_tracer(settings.otel_exporter_otlp_endpoint) as tracer,
        open_renderer(settings.render_workers, counters, tracer) as renderer,
        aclosing(Assets(settings.taktline_cache)) as assets,
        open_feed(
            StoreSource(store),
            None if server.embedded else store.overview.committed,
            charts := Charts(store.buckets.read, store.overview.committed, renderer, assets.library, counters, reading),
            boards := Boards(charts, shifts),
            Appearance(settings.time_format, labels=settings.labels, unit=settings.unit),
            shifts,
            counters,
        ) as feed,
        _running(
            Writer(
                store.batches.write,
                counters,
                max_readings=settings.queue_readings,
                max_bytes=settings.queue_bytes,
                listeners=[lambda _: feed.changed()],
                keep_up=store.rollups.keep_up,
                tracer=tracer,
                too_slow=TOO_SLOW if server.embedded else f"{TOO_SLOW}, or waits for a standby",
            ),
            1 if server.embedded else COMMITTERS,  # the embedded engine has a single session
        ) as writer,
        _known(store, Anonymous(settings.anonymous)) as (keyring, signatures, place),
        _maintained(
            hosts,
            store,
            keyring,
            settings,
            counters,
            _alarms(settings, checking := Checking(store, shifts), store, counters),
        ) as watch,
    ):
        counters.watch_jobs(watch.jobs)
        lags = LagWatch(store.lags)
        counters.watch_delays(lambda: lags.current)
        counters.watch_standbys(lambda: [(one.host, one.standing) for one in store.standbys()])
        counters.know_database(**server.facts())
        figures = Figures(store.checks, read_names(settings.metrics_series), settings.chart_tz, shifts)
        counters.watch_series(lambda: figures.current)
        take_over(await renderer.warm())
        most = min(settings.queue_readings, MOST_EMBEDDED) if server.embedded else settings.queue_readings
        rules = Rules(
            settings.min_ts,
            settings.max_clock_skew,
            most,
            settings.max_plan_ahead,
            shifts.breaks,
            kept_since=lambda: _in_microseconds(store.retention.kept.readings),
        )
        series = SeriesLimit(settings.max_series, store.batches.known, store.series)
        with suppress(Unavailable):
            await series.count()
        gate, connections = Gate(writer, Rates(settings.ingest_rate), rules, memory, counters, series), Connections()
        counters.watch_held(lambda: memory.used + writer.size, settings.memory_limit)
        counters.watch_connections(lambda: places.used, places.limit)
        keyring.listeners += [feed.wake, lambda: connections.expel(keyring.admits)]
        where = tcp_socket or (settings.api_host, settings.tcp_port)
        async with listening(gate, where, settings.max_frame_bytes, places, patience, lambda: keyring.anonymous) as tcp:
            if tcp is not None:
                keyring.listeners.append(lambda: tcp.expel(keyring.admits))
            yield Parts(
                settings=settings,
                server=server,
                hosts=hosts,
                metrics=counters,
                store=store,
                writer=writer,
                gate=gate,
                reading=reading,
                charts=charts,
                boards=boards,
                checking=checking,
                figures=figures,
                lags=lags,
                tracer=tracer,
                feed=feed,
                watch=watch,
                assets=assets,
                memory=memory,
                places=places,
                connections=connections,
                keyring=keyring,
                signatures=signatures,
                installation=place,
                tcp=tcp,
                crew=crew,
            )


@asynccontextmanager
async def _kept(store: Store, settings: Settings) -> AsyncIterator[None]:
    """Apply what the settings say about how readings are kept. Raises DatabaseUnusable where that is impossible."""
    await store.retention.check(settings.lifetimes)
    await store.retention.look()
    if settings.compress_after is not None:
        if store.server.edition == "apache":
            raise DatabaseUnusable(
                "COMPRESS_AFTER can't be used: TimescaleDB's Apache edition has no columnstore; leave it empty"
            )
        try:
            await store.jobs.move_after(settings.compress_after)
        except TaktlineError as exc:
            raise DatabaseUnusable(f"COMPRESS_AFTER can't be applied: {exc.detail}") from exc
    yield


def _in_microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else microseconds(moment)


@asynccontextmanager
async def _running(writer: Writer, committers: int) -> AsyncIterator[Writer]:
    """Run a writer until the block ends. By then it has been drained, or there is no time left for what it still
    holds."""
    task = asyncio.create_task(writer.run(committers))
    try:
        yield writer
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def _known(store: Store, anonymous: Anonymous) -> AsyncIterator[tuple[Keyring, Signatures, str | None]]:
    """Know the keys of the database until the block ends, what is signed in their place, and which installation it is.
    Raises DatabaseUnusable where they can't be read."""
    keys = store.keys
    keyring = Keyring(keys.live, keys.any, keys.note_used, anonymous)
    try:
        await keyring.refresh()
        signatures = Signatures(await keys.signing_secret())
        place = await installation(store.primary, signatures.sealed)
    except Unavailable as exc:
        raise DatabaseUnusable(f"The keys can't be read: {exc.detail}") from exc
    task = asyncio.create_task(keyring.poll())
    try:
        yield keyring, signatures, place
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def _maintained(
    hosts: DatabaseHosts,
    store: Store,
    keyring: Keyring,
    settings: Settings,
    metrics: Metrics,
    alarms: Alarms | None,
) -> AsyncIterator[JobWatch]:
    watch = JobWatch(store)
    leadership = Leadership(hosts, search_path(settings.database_schema, store.server), store.server)
    kept, told = (settings.batch_memory, settings.lifetimes), (keyring.note_used, metrics.round_succeeded)
    task = asyncio.create_task(maintain(store, watch, leadership, *kept, *told, alarms))
    try:
        yield watch
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _alarms(settings: Settings, checking: Checking, store: Store, metrics: Metrics) -> Alarms | None:
    """The alerts of the settings; None where there is nobody to be told of them."""
    if (url := settings.webhook) is None:
        return None
    here = f"http://{socket.gethostname()}:{settings.api_port}{settings.root_path}"  # as Alertmanager's by default
    home = read_public_url(settings.public_url) or here
    key = read_secret_key(secret) if (secret := settings.webhook_secret) else None
    rules = read_rules(settings.alerts, settings.chart_tz)
    return Alarms(rules, checking, store.alerts, Webhook(read_address(url), key, home), metrics)
