"""Joins the parts of a view over several sites: opens them in order, and closes them in reverse."""

import secrets
from collections.abc import AsyncIterator, Collection
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

from service.access.grants import Scope
from service.access.keyring import Anonymous, Keyring
from service.access.keys import LiveKey, digest_of, live_key
from service.access.signatures import Signatures
from service.board.reading import Boards
from service.charts.answering import Charts
from service.charts.drawing.templates import take_over
from service.charts.question import Appearance
from service.charts.renderer import open_renderer
from service.federation.federation import Federation, open_federation
from service.limits.allowance import Allowance
from service.limits.fair_line import FairLine
from service.limits.open_files import most_connections
from service.live.live_feed import LiveFeed, open_feed
from service.live.page_source import ChartSource
from service.metrics import Metrics
from service.period.shifts import Shifts
from service.settings import Settings
from service.tracing.opening import open_tracer
from service.tracing.tracer import Tracer
from service.web.assets import Assets

READS, READS_EACH, MOST_READS, READS_PATIENCE = 16, 8, 1000, 10.0
"""Questions to the sites: so many at once, so many of them for one caller, so many in all, those included that wait;
and the seconds that one may wait for its turn."""
ASK_EVERY = 1.0
"""Seconds after which the sites are asked again for what open pages show."""
SECRET_BYTES = 32
"""The random bytes by which sessions are signed."""


@dataclass(frozen=True)
class FederatedParts:
    """The parts of one running view over several sites."""

    settings: Settings
    metrics: Metrics
    federation: Federation
    charts: Charts
    boards: Boards
    feed: LiveFeed
    tracer: Tracer
    assets: Assets
    memory: Allowance
    """The bytes that may be held for clients."""
    places: Allowance
    """The connections that there may be."""
    keyring: Keyring
    signatures: Signatures


@asynccontextmanager
async def open_federated_parts(settings: Settings) -> AsyncIterator[FederatedParts]:
    """Open every part of a view over the sites of the settings."""
    counters = Metrics()
    memory = Allowance(settings.memory_limit)
    places = Allowance(most_connections(settings.max_connections))
    shifts = Shifts.read(settings.shifts, settings.chart_tz)
    reading = FairLine("reads", READS, MOST_READS, READS_EACH, READS_PATIENCE)
    async with (
        open_federation(settings.sites, counters) as federation,
        open_tracer(settings.otel_exporter_otlp_endpoint) as tracer,
        open_renderer(settings.render_workers, counters, tracer) as renderer,
        aclosing(Assets(settings.taktline_cache)) as assets,
        open_feed(
            ChartSource(),
            federation.committed,
            charts := Charts(federation.read, federation.committed, renderer, assets.library, counters, reading),
            boards := Boards(charts, shifts),
            Appearance(settings.time_format, labels=settings.labels, unit=settings.unit),
            shifts,
            counters,
            ASK_EVERY,
        ) as feed,
        _known(settings.read_key, Anonymous(settings.anonymous)) as keyring,
    ):
        take_over(await renderer.warm())
        counters.watch_held(lambda: memory.used, settings.memory_limit)
        counters.watch_connections(lambda: places.used, places.limit)
        yield FederatedParts(
            settings=settings,
            metrics=counters,
            federation=federation,
            charts=charts,
            boards=boards,
            feed=feed,
            tracer=tracer,
            assets=assets,
            memory=memory,
            places=places,
            keyring=keyring,
            # there is no database that could keep it, so that sessions end with the process
            signatures=Signatures(secrets.token_bytes(SECRET_BYTES)),
        )


@asynccontextmanager
async def _known(key: str | None, anonymous: Anonymous) -> AsyncIterator[Keyring]:
    """Know the one key of the settings until the block ends."""
    keys = [] if key is None else [live_key(1, "FEDERATE_READ_KEY", digest_of(key), {Scope.READ}, None, None, None)]

    async def live() -> list[LiveKey]:
        return keys

    async def any_made() -> bool:
        return bool(keys)

    async def note_used(_: Collection[int]) -> None:
        """Nobody keeps that."""

    keyring = Keyring(live, any_made, note_used, anonymous)
    await keyring.refresh()
    yield keyring
