"""Creates the web application: every address, over the parts of a service."""

from importlib.metadata import version
from typing import Any

from litestar import Litestar, Router
from litestar.enums import ScopeType
from litestar.middleware import DefineMiddleware
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Server
from litestar.static_files import create_static_files_router
from litestar.types import ASGIApp, Message, Scope

from service.access.frames import frame_ancestors
from service.access.guesses import Guesses
from service.access.hosts import hosts_for, is_loopback
from service.access.keyring import Keyring
from service.access.origins import Origins, read_origins
from service.access.proxies import Proxies
from service.access.signatures import Signatures
from service.errors import StartError
from service.languages.sentence import translatable
from service.metrics import Metrics
from service.page_defaults import defaults_of
from service.parts import Parts
from service.period.kept import Kept
from service.period.selection import ALL_SERIES, SeriesFilter
from service.routes.api_page import ADDRESS, FILES, ApiPage, OurFiles
from service.routes.asyncapi import ADDRESS as ASYNCAPI
from service.routes.asyncapi import asyncapi_route
from service.routes.authentication import Authentication, needs
from service.routes.board import board_route
from service.routes.chart.endpoint import chart_route
from service.routes.check import check_route
from service.routes.compression import compression
from service.routes.correction_list import correction_list_route
from service.routes.corrections import correction_routes
from service.routes.display import display_route
from service.routes.edge.access_log import logged
from service.routes.edge.answer_headers import guarding
from service.routes.edge.foreign_pages import without_foreign_pages
from service.routes.edge.hosts import at_hosts
from service.routes.edge.proxies import behind_proxies
from service.routes.edge.request_ids import identified
from service.routes.edge.root_path import below
from service.routes.edge.sharing import shared_with
from service.routes.edge.timing import timed
from service.routes.error_answers import handlers
from service.routes.export import export_route
from service.routes.head import with_head
from service.routes.health import livez, metrics_route, readyz_route
from service.routes.html_pages import Pages, asset_routes
from service.routes.influx.buckets import bucket_routes
from service.routes.influx.questions import health_route, ping, query_route
from service.routes.influx.write import write_routes
from service.routes.ingest import readings_route
from service.routes.live_events import live_route, live_socket_route, series_route
from service.routes.live_page import home_route
from service.routes.live_views import views_for
from service.routes.openapi_access import SCHEMES, AccessDescriptions
from service.routes.parameters import few_parameters
from service.routes.sign_in import sign_in_routes
from service.routes.site_buckets import site_buckets_route
from service.routes.websocket import socket_route
from service.routes.websocket_handshake import at_addresses
from service.settings import Settings
from service.tracing.tracer import Tracer
from service.web.pages import templates

OPEN_TO_ALL = translatable(
    "Everybody who reaches this address may read and write. "
    "A first key closes it: taktline keys add admin --scope admin."
)


def create_app(parts: Parts) -> ASGIApp:
    """The web application of a service with these parts."""
    settings = parts.settings
    pages = Pages(
        templates,
        parts.assets,
        parts.store.series.names,
        settings.chart_tz,
        settings.root_path,
        settings.language,
        lambda: _warning(parts),
        lambda: not parts.keyring.is_open,
    )
    return web_application(
        settings, parts.metrics, parts.keyring, parts.signatures, parts.tracer, pages, _routes(parts, pages)
    )


def web_application(
    settings: Settings,
    counters: Metrics,
    keyring: Keyring,
    signatures: Signatures,
    tracer: Tracer,
    pages: Pages,
    routes: list[Any],
) -> ASGIApp:
    """The web application with these routes, and with all that every request passes."""
    guesses = Guesses()
    origins = Origins(read_origins(settings.trusted_origins), read_origins(settings.cors_origins, any_allowed=True))
    authentication = DefineMiddleware(
        Authentication, keyring=keyring, signatures=signatures, guesses=guesses, metrics=counters
    )
    app = Litestar(
        route_handlers=[
            *routes,
            *sign_in_routes(keyring, signatures, guesses, pages, counters),
        ],
        exception_handlers=handlers(pages, counters, settings.max_body_bytes, debug=settings.debug),
        middleware=[few_parameters, without_foreign_pages(origins, counters), authentication],
        before_send=[_counting(counters), guarding(frame_ancestors(settings.frame_ancestors))],
        compression_config=compression(["/chart", "/metrics", "/readings", "/assets/[^/]+$", "/favicon.ico", "/live"]),
        openapi_config=_openapi(settings.root_path),
        plugins=[AccessDescriptions()],
        request_max_body_size=settings.max_body_bytes,
        logging_config=None,
    )
    _check_root(settings.root_path, app)
    inner = with_head(at_addresses(app, counters), app.route_handler_method_map)
    shared = shared_with(inner, origins)
    hosts = hosts_for(settings.allowed_hosts, settings.api_host)
    outer = timed(at_hosts(below(shared, settings.root_path), hosts, counters), counters)
    traced = tracer.around(logged(outer) if settings.access_log else outer)
    return behind_proxies(identified(traced), Proxies(settings.trusted_proxies))


def _check_root(root: str, app: Litestar) -> None:
    """A proxy that strips the prefix would make two addresses one."""
    for route in app.routes:
        if root and f"{route.path}/".startswith(f"{root}/"):
            raise StartError(f"ROOT_PATH can't be {root}: {route.path} is an address of the service itself.")


def _routes(parts: Parts, pages: Pages) -> list[Any]:
    """All routes. They are given their parts when they are created. If the framework injected these for each request,
    it would create a task for each of them, which takes longer than the answer itself."""
    gate, store, feed, counters = parts.gate, parts.store, parts.feed, parts.metrics
    settings, admits = parts.settings, parts.keyring.admits
    max_body = settings.max_body_bytes
    defaults = defaults_of(settings)
    view_of = views_for(defaults)

    def kept(_: SeriesFilter = ALL_SERIES) -> Kept:
        return store.retention.kept

    return [
        socket_route(gate, settings.max_frame_bytes, parts.connections, counters),
        home_route(feed, pages, defaults, counters),
        live_route(feed, view_of, admits),
        series_route(store.series.names),
        live_socket_route(feed, view_of, counters, admits, settings.language),
        readings_route(gate, max_body),
        *correction_routes(gate, store.corrections, feed.changed, kept, defaults, max_body),
        correction_list_route(store.corrections, parts.reading, pages, defaults, counters),
        *write_routes(gate, counters, max_body),
        ping,
        health_route(parts.writer),
        query_route(counters, max_body),
        *bucket_routes(counters, max_body),
        chart_route(parts.charts, defaults, kept),
        site_buckets_route(parts.charts, kept, parts.installation),
        board_route(parts.boards, feed, pages, defaults, kept, counters),
        check_route(parts.checking, parts.reading, defaults),
        display_route(store.records, parts.reading, pages, defaults, counters),
        export_route(store.long_ranges, parts.reading, defaults, admits, parts.memory),
        livez,
        readyz_route(store, parts.writer, parts.watch, settings.database_schema, parts.hosts, counters, parts.crew),
        metrics_route(counters, parts.figures, parts.lags, parts.crew),
        asyncapi_route(settings.root_path),
        api_files(),
        *asset_routes(parts.assets),
    ]


def api_files() -> Any:
    """The route of the files that the API's page loads."""
    return create_static_files_router(
        ADDRESS, [FILES], include_in_schema=False, file_system=OurFiles(), cache_control=None, opt=needs()
    )


def _warning(parts: Parts) -> str:
    """What every page warns of: that everything is open to whoever reaches the service from elsewhere."""
    return OPEN_TO_ALL if parts.keyring.is_open and not is_loopback(parts.settings.api_host) else ""


def _openapi(root: str) -> OpenAPIConfig:
    return OpenAPIConfig(
        title="Taktline",
        version=version("taktline"),
        description="Plan against fact, minute by minute. The WebSockets are described, for AsyncAPI, in "
        f"[asyncapi.json]({root}{ASYNCAPI}).",
        # everybody may read it: it tells what every installation is like, and nothing of this one
        openapi_router=Router("/schema", route_handlers=[], include_in_schema=False, opt=needs()),
        components=SCHEMES,
        servers=[Server(url=root or "/")],
        render_plugins=[
            ApiPage(root),
            JsonRenderPlugin(),
        ],
    )


def _counting(counters: Metrics) -> Any:
    async def count(message: Message, scope: Scope) -> None:
        if message["type"] == "http.response.start" and scope["type"] == ScopeType.HTTP:
            counters.response(scope.get("path_template") or "unknown", message["status"])

    return count
