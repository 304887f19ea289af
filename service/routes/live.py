"""`GET /`: what a person with a browser sees first."""

from typing import Any
from zoneinfo import ZoneInfo

from litestar import Request, Response, get
from litestar.di import NamedDependency

from service.routes.context import Context
from service.routes.parameters import wanted
from service.routes.shown import page

NEWEST = 10
"""Records on the page."""
ADDRESSES = {
    "chart": "/chart",
    "records": "/display",
    "readings": "/readings",
    "openapi": "/schema",
    "ready": "/readyz",
    "metrics": "/metrics",
}


@get("/", operation_id="home", tags=["records"])
async def home(request: Request[Any, Any, Any], context: NamedDependency[Context]) -> Response[Any]:
    """The chart, the newest records and how to send a reading; for programs, where things are."""
    if wanted(request, None, {"html": "text/html", "json": "application/json"}, "json") == "json":
        return Response(ADDRESSES, headers={"Vary": "Accept"})
    records = await context.store.records.newest(NEWEST)
    host = request.headers.get("host", "localhost:8080")
    return page(context, "home.html", {"records": records, "zone": ZoneInfo(context.zone), "host": host})
