"""Creates the web application of a view over several sites."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from litestar.types import ASGIApp

from service.access.hosts import is_loopback
from service.app import api_files, web_application
from service.federated_parts import FederatedParts
from service.federation.sites import LONGEST_NAME
from service.languages.sentence import translatable
from service.live.live_feed import AnyView
from service.page_defaults import defaults_of
from service.routes.at_the_sites import at_the_sites_routes
from service.routes.board import board_route
from service.routes.chart.endpoint import chart_route
from service.routes.federated_health import federated_metrics_route, federated_readyz_route
from service.routes.health import livez
from service.routes.html_pages import Pages, asset_routes
from service.routes.live_events import ViewOf, live_route, live_socket_route, series_route
from service.routes.live_page import ADDRESSES as OF_A_SITE
from service.routes.live_page import AT_SITES, home_route
from service.routes.live_views import views_for
from service.routes.senders import Connection
from service.web.pages import templates

ADDRESSES = {name: path for name, path in OF_A_SITE.items() if name not in AT_SITES}
OPEN_TO_ALL = translatable("Everybody who reaches this address may see all sites. FEDERATE_READ_KEY closes it.")


def create_federated_app(parts: FederatedParts) -> ASGIApp:
    """The web application of a view with these parts."""
    settings = parts.settings
    pages = Pages(
        templates,
        parts.assets,
        parts.federation.series,
        settings.chart_tz,
        settings.root_path,
        settings.language,
        lambda: open_to_all(parts) or "",
        lambda: not parts.keyring.is_open,
        at_sites=True,
    )
    routes = _routes(parts, pages)
    return web_application(settings, parts.metrics, parts.keyring, parts.signatures, parts.tracer, pages, routes)


def open_to_all(parts: FederatedParts) -> str | None:
    """What is warned of where everybody may look from elsewhere."""
    return OPEN_TO_ALL if parts.keyring.is_open and not is_loopback(parts.settings.api_host) else None


def _routes(parts: FederatedParts, pages: Pages) -> list[Any]:
    settings = parts.settings
    defaults = msgspec.structs.replace(defaults_of(settings), longest_name=LONGEST_NAME)
    feed, counters, admits = parts.feed, parts.metrics, parts.keyring.admits
    view_of = _checked(views_for(defaults), parts.federation.check)

    return [
        home_route(feed, pages, defaults, counters, ADDRESSES),
        live_route(feed, view_of, admits),
        live_socket_route(feed, view_of, counters, admits, settings.language),
        series_route(parts.federation.series),
        chart_route(parts.charts, defaults, parts.federation.kept),
        board_route(parts.boards, feed, pages, defaults, parts.federation.kept, counters),
        livez,
        federated_readyz_route(parts.federation.names, lambda: parts.federation.away, counters),
        federated_metrics_route(counters),
        *at_the_sites_routes(),
        api_files(),
        *asset_routes(parts.assets),
    ]


def _checked(read: ViewOf, check: Callable[[Sequence[str] | None], None]) -> ViewOf:
    """The same, and BadRequest for a series of no site, of which its viewers would be told nothing."""

    def view_of(asking: Connection) -> AnyView:
        view = read(asking)
        check(view.series.names)
        return view

    return view_of
