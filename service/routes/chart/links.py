"""Whether the address of a chart opens one, for whoever makes an address that others are to open."""

from datetime import UTC, datetime
from typing import Any, cast
from urllib.parse import parse_qsl, urlencode

from litestar.connection import ASGIConnection
from litestar.types import HTTPScope

from service.access.grants import Grant
from service.languages.language import ENGLISH
from service.period.kept import Keeping
from service.routes.chart.asking import asking
from service.routes.chart.chart_parameters import read_parameters
from service.routes.chart.formats import format_of
from service.routes.defaults import Defaults
from service.routes.parameters import check_few
from service.routes.visible_series import series_shown


def check_link(query: str, grant: Grant, defaults: Defaults, kept: Keeping) -> None:
    """Raise the error that a browser would get now which opens `/chart` with these parameters, and may do what `grant`
    says: BadRequest, or Forbidden for a series that it doesn't cover. `kept` returns from when on rollups are kept."""
    check_few(query.encode())
    raw = urlencode(parse_qsl(query, keep_blank_values=True))  # as browsers send what isn't ASCII
    given: ASGIConnection[Any, Any, Any, Any] = ASGIConnection(cast("HTTPScope", {"query_string": raw.encode()}))
    parameters = read_parameters(tuple(given.query_params.multi_items()))
    form = format_of(parameters, "*/*")
    series = series_shown(parameters.series, grant)
    asking(parameters, form, series, defaults, ENGLISH, datetime.now(UTC), kept(series))
