"""The only joiner: opens the parts of the service in order, closes them in reverse, and makes the web application."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mkdocs_swagger_ui_tag
import structlog
from litestar import Litestar
from litestar.config.compression import CompressionConfig
from litestar.datastructures import State
from litestar.di import Provide
from litestar.enums import ScopeType
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin, SwaggerRenderPlugin
from litestar.static_files import create_static_files_router
from litestar.types import ASGIApp, Message, Scope

from service.charts.answering import Charts
from service.charts.renderer import open_renderer
from service.engine.embedded import embedded
from service.errors import DatabaseAway
from service.intake.rates import Rates
from service.intake.reading import Rules
from service.intake.writer import Writer
from service.live.view import open_feed
from service.metrics import Metrics
from service.routes.chart.endpoint import chart
from service.routes.context import Context
from service.routes.display import display
from service.routes.error_answers import handlers
from service.routes.export import export
from service.routes.frame_inbox import Allowance
from service.routes.head import with_head
from service.routes.health import livez, metrics, readyz
from service.routes.html_pages import asset, favicon
from service.routes.influx.questions import health, ping, query
from service.routes.influx.write import write_v1, write_v2, write_v3
from service.routes.ingest import post_readings
from service.routes.live_events import live, live_series, live_socket
from service.routes.live_page import home
from service.routes.tcp import listening
from service.routes.websocket import ingest
from service.routes.websocket_handshake import at_addresses
from service.settings import Settings
from service.store import Store, open_store
from service.store.database import Server, inspect
from service.store.migrate import migrate, search_path
from service.store.queries import read_queries
from service.upkeep.job_watch import JobWatch
from service.upkeep.rounds import maintain
from service.web.assets import Assets
from service.web.pages import templates

SWAGGER = Path(mkdocs_swagger_ui_tag.__file__).with_name("swagger-ui")
"""The files of Swagger UI, which this package carries."""
DATABASE_PATIENCE = 15.0
"""Seconds to wait at start for a database that doesn't answer yet."""
COMMITTERS = 2
"""Transactions under way at once: more than two gain nothing on two cores."""
LAST_COMMIT = 0.5
"""Seconds for the transactions under way when what waited was given up."""

log = structlog.stdlib.get_logger("service")
Say = Callable[[str], None]


def create_app(context: Context, *, debug: bool = False) -> ASGIApp:
    """The web application over the parts of an open service."""
    app = Litestar(
        route_handlers=[
            ingest,
            home,
            live,
            live_series,
            live_socket,
            post_readings,
            write_v1,
            write_v2,
            write_v3,
            ping,
            health,
            query,
            chart,
            display,
            export,
            livez,
            readyz,
            metrics,
            _assets("/assets/swagger", SWAGGER),
            asset,
            favicon,
        ],
        state=State({"context": context}),
        dependencies={"context": Provide(lambda: context, sync_to_thread=False, use_cache=True)},
        exception_handlers=handlers(debug=debug),
        before_send=[_counting(context.metrics)],
        compression_config=CompressionConfig(
            backend="gzip",
            gzip_compress_level=5,
            exclude=["/chart", "/metrics", "/readings", "/assets/[^/]+$", "/favicon.ico", "/live"],
        ),
        openapi_config=_openapi(),
        request_max_body_size=context.max_body,
        logging_config=None,
    )
    return with_head(at_addresses(app, context.metrics), app.route_handler_method_map)


@asynccontextmanager
async def open_context(settings: Settings, say: Say) -> AsyncIterator[Context]:
    """Every part of the service, ready to serve; StartError says in a sentence why there is none."""
    counters = Metrics()
    async with (
        open_database(settings, say) as (url, server),
        open_store(url, search_path(settings.database_schema, server), server) as store,
        open_renderer(settings.render_workers, counters) as renderer,
        aclosing(Assets(settings.taktline_cache)) as assets,
        open_feed(
            store,
            charts := Charts(store.buckets.read, store.glances.committed, renderer, assets.library, counters),
            settings.time_format,
            counters,
        ) as feed,
        _running(
            Writer(
                feed.announcing(store.batches.write),
                counters,
                max_readings=settings.queue_readings,
                max_bytes=settings.queue_bytes,
            ),
            1 if server.embedded else COMMITTERS,  # the embedded engine has one session
            settings.shutdown_grace.total_seconds(),
        ) as writer,
        _maintained(store, settings) as watch,
    ):
        counters.watch_jobs(watch.jobs)
        await renderer.warm()
        context = Context(
            store=store,
            writer=writer,
            charts=charts,
            metrics=counters,
            rates=Rates(settings.ingest_rate),
            rules=Rules(settings.min_ts, settings.max_clock_skew, settings.queue_readings),
            zone=settings.chart_tz,
            time_format=settings.time_format,
            per_page=settings.items_per_page,
            max_body=settings.max_body_bytes,
            max_frame=settings.max_frame_bytes,
            ahead=Allowance(settings.queue_bytes),
            templates=templates(),
            assets=assets,
            feed=feed,
            sockets={feed},
            watch=watch,
            engine_state=lambda: _describe(server, settings),
        )
        async with listening(context, settings.api_host, settings.tcp_port, settings.max_frame_bytes):
            yield context


@asynccontextmanager
async def open_database(settings: Settings, say: Say) -> AsyncIterator[tuple[str, Server]]:
    """The database of the settings, or the embedded one, with its schema brought up to date."""
    read_queries()
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        yield url, await _prepare(url, settings, say)
        return
    async with embedded(settings.taktline_data, settings.taktline_cache, say) as engine:
        yield engine.url, await _prepare(engine.url, settings, say)


async def _prepare(url: str, settings: Settings, say: Say) -> Server:
    server = await _found(url, say)
    say(f"database: {server.describe()}")
    if not server.durable:
        log.warning("the database may lose committed readings in a crash: fsync or synchronous_commit is off")
    await migrate(url, settings.database_schema, server, say)
    return server


async def _found(url: str, say: Say) -> Server:
    """The server, waiting a little for one that is just starting."""
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
async def _running(writer: Writer, committers: int, grace: float) -> AsyncIterator[Writer]:
    """A writer at work; at the end it commits what it has accepted, as far as the grace allows."""
    task = asyncio.create_task(writer.run(committers))
    try:
        yield writer
    finally:
        await writer.close()
        try:
            await asyncio.wait_for(task, LAST_COMMIT if writer.abandoned else grace)
        except TimeoutError:
            if not writer.abandoned:
                log.warning("no time left to commit; these were not acknowledged", readings=writer.abandon())


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


def _describe(server: Server, settings: Settings) -> dict[str, Any]:
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
