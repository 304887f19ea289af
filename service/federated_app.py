"""Creates the web application of a view over several sites."""

from typing import Any

from litestar.types import ASGIApp

from service.access.hosts import is_loopback
from service.app import api_files, web_application
from service.federated_parts import FederatedParts
from service.languages.sentence import translatable
from service.period.kept import ALL_KEPT
from service.routes.at_the_sites import at_the_sites_routes, federated_home_route
from service.routes.chart.endpoint import chart_route
from service.routes.defaults import Defaults
from service.routes.federated_health import federated_metrics_route, federated_readyz_route
from service.routes.health import livez
from service.routes.html_pages import Pages, asset_routes
from service.web.pages import templates

OPEN_TO_ALL = translatable("Everybody who reaches this address may see all sites. FEDERATE_READ_KEY closes it.")


def create_federated_app(parts: FederatedParts) -> ASGIApp:
    """The web application of a view with these parts."""
    settings = parts.settings
    pages = Pages(
        templates,
        parts.assets,
        _no_names,
        settings.chart_tz,
        settings.root_path,
        settings.language,
        lambda: open_to_all(parts) or "",
        lambda: not parts.keyring.is_open,
    )
    routes = _routes(parts, pages)
    return web_application(settings, parts.metrics, parts.keyring, parts.signatures, parts.tracer, pages, routes)


def open_to_all(parts: FederatedParts) -> str | None:
    """What is warned of where everybody may look from elsewhere."""
    return OPEN_TO_ALL if parts.keyring.is_open and not is_loopback(parts.settings.api_host) else None


def _routes(parts: FederatedParts, pages: Pages) -> list[Any]:
    settings = parts.settings
    defaults = Defaults(
        settings.chart_tz,
        settings.time_format,
        settings.items_per_page,
        settings.labels,
        settings.unit,
        parts.shifts,
        settings.language,
    )
    # what a site keeps is only known there: it refuses what it can't answer
    return [
        federated_home_route(pages),
        chart_route(parts.charts, defaults, lambda: ALL_KEPT),
        livez,
        federated_readyz_route(parts.federation.names, lambda: parts.federation.away, parts.metrics),
        federated_metrics_route(parts.metrics),
        *at_the_sites_routes(),
        api_files(),
        *asset_routes(parts.assets),
    ]


async def _no_names(_: tuple[str, ...] | None) -> list[str]:
    """No page of a view has a field for series."""
    return []
