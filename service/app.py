"""Joins the parts of the service: opens them in order, closes them in reverse, and creates the web application."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mkdocs_swagger_ui_tag
import structlog
from litestar import Litestar
from litestar.config.compression import CompressionConfig
from litestar.enums import ScopeType
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, SwaggerRenderPlugin
from litestar.static_files import create_static_files_router
from litestar.types import ASGIApp, Message, Scope

from service.charts.answering import Charts
from service.charts.renderer import open_renderer
from service.engine.embedded import embedded
from service.errors import DatabaseAway
from service.intake.gate import Gate
from service.intake.rates import Rates
from service.intake.reading import Rules
from service.intake.writer import Writer
from service.live.feed import Feed
from service.live.view import View, ViewSnapshot, open_feed
from service.metrics import Metrics
from service.routes.chart.endpoint import chart_route
from service.routes.connections import Connections
from service.routes.defaults import Defaults
from service.routes.display import display_route
from service.routes.error_answers import handlers
from service.routes.export import export_route
from service.routes.frame_inbox import KeptBytes
from service.routes.head import with_head
from service.routes.health import livez, metrics_route, readyz_route
from service.routes.html_pages import Pages, asset_routes
from service.routes.influx.questions import health_route, ping, query_route
from service.routes.influx.write import write_routes
from service.routes.ingest import readings_route
from service.routes.live_events import live_route, live_socket_route, series_route
from service.routes.live_page import home_route
from service.routes.tcp import Intake, listening
from service.routes.websocket import socket_route
from service.routes.websocket_handshake import at_addresses
from service.settings import Settings
from service.store import Store, open_store
from service.store.database import DatabaseServer, inspect
from service.store.migrate import migrate, search_path
from service.store.queries import read_queries
from service.upkeep.job_watch import JobWatch
from service.upkeep.rounds import maintain
from service.web.assets import Assets
from service.web.pages import templates

SWAGGER = Path(mkdocs_swagger_ui_tag.__file__).with_name("swagger-ui")
"""The files of Swagger UI, which this Python package contains."""
DATABASE_PATIENCE = 15.0
"""Seconds to wait at start for a database that doesn't answer yet."""
COMMITTERS = 2
"""How many transactions may be under way at once; more than two gain nothing on two cores."""

log = structlog.stdlib.get_logger("service")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Parts:
    """The parts of one running service. Only this module and service/run see them all; a route is created with those
    that it uses."""

    settings: Settings
    server: DatabaseServer
    metrics: Metrics
    store: Store
    writer: Writer
    gate: Gate
    charts: Charts
    feed: Feed[View, ViewSnapshot]
    watch: JobWatch
    assets: Assets
    kept_bytes: KeptBytes
    connections: Connections
    """The open WebSockets that send readings."""
    tcp: Intake | None
    """The listener for readings over TCP; None where it is turned off."""

    def engine_state(self) -> dict[str, Any]:
        """Facts about the database that /readyz shows."""
        return _describe(self.server, self.settings)


def create_app(parts: Parts) -> ASGIApp:
    """The web application of a service with these parts."""
    settings, counters = parts.settings, parts.metrics
    pages = Pages(templates(), parts.assets, parts.store.series.names, settings.chart_tz)
    app = Litestar(
        route_handlers=_routes(parts, pages),
        exception_handlers=handlers(pages, counters, settings.max_body_bytes, debug=settings.debug),
        before_send=[_counting(counters)],
        compression_config=CompressionConfig(
            backend="gzip",
            gzip_compress_level=5,
            exclude=["/chart", "/metrics", "/readings", "/assets/[^/]+$", "/favicon.ico", "/live"],
        ),
        openapi_config=_openapi(),
        request_max_body_size=settings.max_body_bytes,
        logging_config=None,
    )
    return with_head(at_addresses(app, counters), app.route_handler_method_map)


def _routes(parts: Parts, pages: Pages) -> list[Any]:
    """All routes. They are given their parts when they are created. If the framework injected these for each request,
    it would create a task for each of them, which takes longer than the answer itself."""
    gate, store, feed, counters = parts.gate, parts.store, parts.feed, parts.metrics
    settings = parts.settings
    zone, max_body = settings.chart_tz, settings.max_body_bytes
    defaults = Defaults(zone, settings.time_format, settings.items_per_page)
    return [
        socket_route(gate, parts.kept_bytes, parts.connections, counters),
        home_route(feed, pages, zone, counters),
        live_route(feed, zone),
        series_route(store.series.names),
        live_socket_route(feed, zone, counters),
        readings_route(gate, max_body),
        *write_routes(gate, counters, max_body),
        ping,
        health_route(parts.writer),
        query_route(counters, max_body),
        chart_route(parts.charts, defaults),
        display_route(store.records, pages, defaults, counters),
        export_route(store.records, zone),
        livez,
        readyz_route(store, parts.writer, parts.watch, parts.engine_state, counters),
        metrics_route(counters),
        _assets("/assets/swagger", SWAGGER),
        *asset_routes(parts.assets),
    ]


@asynccontextmanager
async def open_parts(settings: Settings, say: Say) -> AsyncIterator[Parts]:
    """Open every part of the service. Raises StartError, which says in a sentence why the service can't start."""
    counters = Metrics()
    async with (
        open_database(settings, say) as (url, server),
        open_store(url, search_path(settings.database_schema, server), server) as store,
        open_renderer(settings.render_workers, counters) as renderer,
        aclosing(Assets(settings.taktline_cache)) as assets,
        open_feed(
            store,
            charts := Charts(store.buckets.read, store.overview.committed, renderer, assets.library, counters),
            settings.time_format,
            counters,
        ) as feed,
        _running(
            Writer(
                store.batches.write,
                counters,
                max_readings=settings.queue_readings,
                max_bytes=settings.queue_bytes,
                listeners=[lambda _: feed.changed()],
            ),
            1 if server.embedded else COMMITTERS,  # the embedded engine has a single session
        ) as writer,
        _maintained(store, settings) as watch,
    ):
        counters.watch_jobs(watch.jobs)
        await renderer.warm()
        rules = Rules(settings.min_ts, settings.max_clock_skew, settings.queue_readings)
        gate, connections = Gate(writer, Rates(settings.ingest_rate), rules, counters), Connections()
        kept_bytes = KeptBytes(settings.queue_bytes, settings.max_frame_bytes)
        async with listening(gate, settings.api_host, settings.tcp_port, settings.max_frame_bytes) as tcp:
            yield Parts(
                settings=settings,
                server=server,
                metrics=counters,
                store=store,
                writer=writer,
                gate=gate,
                charts=charts,
                feed=feed,
                watch=watch,
                assets=assets,
                kept_bytes=kept_bytes,
                connections=connections,
                tcp=tcp,
            )


@asynccontextmanager
async def open_database(settings: Settings, say: Say) -> AsyncIterator[tuple[str, DatabaseServer]]:
    """Open the database of the settings, or the embedded one, and bring its schema up to date."""
    read_queries()
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        yield url, await _prepare(url, settings, say)
        return
    async with embedded(settings.taktline_data, settings.taktline_cache, say) as engine:
        yield engine.url, await _prepare(engine.url, settings, say)


async def _prepare(url: str, settings: Settings, say: Say) -> DatabaseServer:
    server = await _found(url, say)
    say(f"database: {server.describe()}")
    if not server.durable:
        log.warning("the database may lose committed readings in a crash: fsync or synchronous_commit is off")
    await migrate(url, settings.database_schema, server, say)
    return server


async def _found(url: str, say: Say) -> DatabaseServer:
    """Inspect the database server, after waiting a little for one that is just starting."""
    loop = asyncio.get_running_loop()
    give_up = loop.time() + DATABASE_PATIENCE
    while True:
        try:
            return await inspect(url)
        except DatabaseAway as exc:
            if loop.time() > give_up:
                raise
            say(f"waiting for the database: {exc.detail}")
            await asyncio.sleep(2)


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
async def _maintained(store: Store, settings: Settings) -> AsyncIterator[JobWatch]:
    watch = JobWatch(store)
    task = asyncio.create_task(maintain(store, watch, settings.batch_memory))
    try:
        yield watch
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _describe(server: DatabaseServer, settings: Settings) -> dict[str, Any]:
    return {
        "engine": "embedded" if server.embedded else "server",
        "note": "a trial engine: use a TimescaleDB server for data you would miss" if server.embedded else None,
        "edition": server.edition,
        "timescaledb": server.timescaledb,
        "postgresql": server.postgresql,
        "durable": server.durable,
        "schema": settings.database_schema,
    }


def _assets(path: str, folder: Path) -> Any:
    return create_static_files_router(path, [folder], include_in_schema=False, cache_control=None)


def _openapi() -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Taktline",
        version=version("taktline"),
        description="Plan against fact, minute by minute.",
        path="/schema",
        render_plugins=[
            SwaggerRenderPlugin(
                js_url="/assets/swagger/javascripts/swagger-ui-bundle.js",
                css_url="/assets/swagger/stylesheets/swagger-ui.css",
                standalone_preset_js_url="/assets/swagger/javascripts/swagger-ui-standalone-preset.js",
                favicon='<link rel="icon" href="/assets/icon.svg">',
            ),
            JsonRenderPlugin(),
        ],
    )


def _counting(counters: Metrics) -> Any:
    async def count(message: Message, scope: Scope) -> None:
        if message["type"] == "http.response.start" and scope["type"] == ScopeType.HTTP:
            counters.response(scope.get("path_template") or "unknown", message["status"])

    return count
