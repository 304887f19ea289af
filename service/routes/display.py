"""`GET /display`: the records, newest first, as a page for people and as JSON for programs."""

from typing import Annotated, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import msgspec
from litestar import MediaType, Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from service.errors import NoSuchPage
from service.routes.context import Context
from service.routes.parameters import known_only, wanted, whole_number
from service.store import Record

FORMATS = {"html": "text/html", "json": "application/json"}
PARAMETERS = ("page", "per_page", "format")
MAX_PER_PAGE = 1000
MAX_PAGE = 10**12


class Page(msgspec.Struct, frozen=True):
    """One page of records; `pages` is at least 1: page 1 of nothing is an empty page."""

    items: list[Record]
    page: int
    per_page: int
    pages: int
    total: int


@get("/display", operation_id="display", tags=["records"])
async def display(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    page: Annotated[str, QueryParameter(description="Number of the page, from 1.")] = "1",
    per_page: Annotated[str | None, QueryParameter(description=f"Records a page, up to {MAX_PER_PAGE}.")] = None,
    form: Annotated[str | None, QueryParameter(name="format", description=f"{', '.join(FORMATS)}.")] = None,
) -> Response[Any]:
    """The newest records, page by page."""
    known_only(request, PARAMETERS)
    form = wanted(request, form, FORMATS, "json")
    number = whole_number("page", page, 1, MAX_PAGE)
    size = context.per_page if per_page is None else whole_number("per_page", per_page, 1, MAX_PER_PAGE)
    found = await _read_page(context, number, size)
    addresses = _addresses(found, per_page)
    headers = {"Link": ", ".join(f'<{url}>; rel="{rel}"' for rel, url in addresses.items()), "Vary": "Accept"}
    if form == "json":
        return Response(found, headers=headers)
    zone = ZoneInfo(context.zone)
    text = context.templates.get_template("display.html").render(page=found, links=addresses, zone=zone)
    return Response(text, media_type=MediaType.HTML, headers=headers)


async def _read_page(context: Context, number: int, size: int) -> Page:
    total = await context.store.records.count()
    pages = max(1, -(-total // size))
    if number > pages:
        raise NoSuchPage(f"There is no page {number}; the last one is {pages}.")
    return Page(await context.store.records.page(number, size), number, size, pages, total)


def _addresses(page: Page, per_page: str | None) -> dict[str, str]:
    """Where first, prev, next and last page are, as far as there are such."""
    numbers = {"first": 1, "prev": page.page - 1, "next": page.page + 1, "last": page.pages}
    size = {} if per_page is None else {"per_page": per_page}
    return {
        rel: f"/display?{urlencode({'page': number, **size})}"
        for rel, number in numbers.items()
        if 1 <= number <= page.pages
    }
