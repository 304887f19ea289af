"""`GET /display`: the records, page by page, for people and for programs at one address."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency
from litestar.params import QueryParameter

from service.errors import NoSuchPage
from service.exports import table
from service.period import bad_parameter
from service.routes.choosing import CHOOSING, Choice, From, Series, Until, Zone, chosen
from service.routes.context import Context
from service.routes.cursors import Cursor, read_cursor
from service.routes.parameters import choice as one_of
from service.routes.parameters import known_only, wanted, whole_number
from service.routes.shown import page as shown
from service.store import Excerpt, Record

FORMATS = {"html": "text/html", "json": "application/json", "csv": "text/csv"}
ORDERS = ("desc", "asc")
PARAMETERS = ("page", "per_page", "order", *CHOOSING, "cursor", "format")
MAX_PER_PAGE = 1000
MAX_PAGE = 10**12


class Page(msgspec.Struct, frozen=True):
    """One page of records; `pages` is at least 1: page 1 of nothing is an empty page."""

    items: list[Record]
    page: int
    per_page: int
    pages: int
    total: int


class Asked(msgspec.Struct, frozen=True):
    """Which page an address asks for, by number or by cursor; `format` and `per_page` as far as they are in it."""

    choice: Choice
    number: int
    cursor: Cursor | None
    size: int
    down: bool
    format: str | None
    per_page: str | None

    def address(self, **where: object) -> str:
        """The address of another page of the same records."""
        order = None if self.down else "asc"
        return self.choice.address("/display", per_page=self.per_page, order=order, format=self.format, **where)


@get("/display", operation_id="display", tags=["records"])
async def display(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    page: Annotated[str | None, QueryParameter(description="Number of the page, from 1.")] = None,
    per_page: Annotated[str | None, QueryParameter(description=f"Records a page, up to {MAX_PER_PAGE}.")] = None,
    order: Annotated[str, QueryParameter(description="desc: the newest first; asc: the oldest first.")] = "desc",
    series: Series = None,
    start: From = None,
    until: Until = None,
    tz: Zone = None,
    cursor: Annotated[
        str | None,
        QueryParameter(description="From a next or prev link: the page beside, whatever came in meanwhile."),
    ] = None,
    form: Annotated[str | None, QueryParameter(name="format", description=f"{', '.join(FORMATS)}.")] = None,
) -> Response[Any]:
    """The records, newest first, page by page. `Link` has the pages around, `X-Total-Count` the exact total."""
    known_only(request, PARAMETERS, repeatable=["series"])
    kind = wanted(request, form, FORMATS, "json")
    if page and cursor:
        raise bad_parameter("page", "is not allowed together with cursor")
    asked = Asked(
        chosen(series, start, until, tz, context.zone),
        1 if page is None else whole_number("page", page, 1, MAX_PAGE),
        read_cursor(cursor) if cursor else None,
        whole_number("per_page", per_page, 1, MAX_PER_PAGE) if per_page else context.per_page,
        one_of("order", order, ORDERS) == "desc",
        form,
        per_page or None,
    )
    excerpt = await _read(context, asked)
    made = _page(asked, excerpt)
    links = _links(asked, excerpt, made.pages)
    headers = {
        "Link": ", ".join(f'<{url}>; rel="{rel}"' for rel, url in links.items()),
        "X-Total-Count": str(excerpt.total),
        "Cache-Control": "no-cache",
        "Vary": "Accept",
    }
    match kind:
        case "json":
            return Response(made, headers=headers)
        case "csv":
            return Response(table(excerpt.items), media_type="text/csv; charset=utf-8", headers=headers)
        case _:
            return await _show(context, asked, made, excerpt, links, headers)


async def _read(context: Context, asked: Asked) -> Excerpt:
    records, selection = context.store.records, asked.choice.selection
    if asked.cursor is not None:
        place, backward = asked.cursor.place, asked.cursor.backward
        return await records.beside(place, asked.size, selection, down=asked.down, backward=backward)
    return await records.at((asked.number - 1) * asked.size, asked.size, selection, down=asked.down)


def _page(asked: Asked, excerpt: Excerpt) -> Page:
    pages = max(1, -(-excerpt.total // asked.size))
    if asked.cursor is None and asked.number > pages:
        raise NoSuchPage(f"There is no page {asked.number}; the last one is {pages}.")
    number = min(pages, excerpt.before // asked.size + 1)
    return Page(excerpt.items, number, asked.size, pages, excerpt.total)


def _links(asked: Asked, excerpt: Excerpt, pages: int) -> dict[str, str]:
    """Where first, prev, next and last page are, as far as there are such. Those beside are found by cursor: they
    don't shift while readings arrive."""
    links = {"first": asked.address(page=1)}
    if excerpt.before and excerpt.first is not None:
        links["prev"] = asked.address(cursor=Cursor(excerpt.first, backward=True).text())
    if excerpt.before + len(excerpt.items) < excerpt.total and excerpt.last is not None:
        links["next"] = asked.address(cursor=Cursor(excerpt.last).text())
    return {**links, "last": asked.address(page=pages)}


async def _show(
    context: Context, asked: Asked, page: Page, excerpt: Excerpt, links: dict[str, str], headers: dict[str, str]
) -> Response[Any]:
    values = {
        "page": page,
        "asked": asked,
        "before": excerpt.before,
        "links": links,
        "names": await context.store.series.names(),
        "zone": ZoneInfo(asked.choice.zone),
    }
    return shown(context, "display.html", values, headers)
