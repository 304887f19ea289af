"""`GET /display`: the records page by page, as HTML for people and as JSON or CSV for programs."""

from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from service.access.grants import Scope
from service.errors import BadRequest, NoSuchPage, bad_parameter
from service.languages.language import Language
from service.languages.sentence import sentence
from service.limits.fair_line import FairLine
from service.metrics import Metrics
from service.period.ends import Asked
from service.period.selection import Selection
from service.routes.authentication import needs
from service.routes.cursors import Cursor, read_cursor
from service.routes.defaults import Defaults
from service.routes.forms import PICKED, message_beside, tidied
from service.routes.html_pages import Pages
from service.routes.kept_from import KEPT_FROM, kept_from
from service.routes.openapi_answers import READING, SIGN_IN, answering, headers, response
from service.routes.openapi_schemas import RECORD, TEXT, WHOLE, an_object, schema
from service.routes.page_links import from_records
from service.routes.parameters import Together, known_only, requested_format, whole_number
from service.routes.parameters import choice as one_of
from service.routes.record_formats import table
from service.routes.record_parameters import (
    CHOOSING,
    NOTHING,
    Choice,
    Excel,
    From,
    InShift,
    Series,
    Until,
    Zone,
    is_for_excel,
    read_choice,
)
from service.routes.senders import caller_of, grant_of
from service.routes.speaking import LANG, LangName
from service.store import Excerpt, Record
from service.store.records import Records

FORMATS = {"html": "text/html", "json": "application/json", "csv": "text/csv"}
ORDERS = ("desc", "asc")
PARAMETERS = ("page", "per_page", "order", *CHOOSING, "cursor", "format", "excel", LANG)
FIELDS = ("series", "from", "until", "tz")
"""Parameters with a field in the form, beside which an error can be shown."""
TEMPLATE = "display.html"
REFUSED = {"Cache-Control": "no-store"}
MAX_PER_PAGE = 1000
MAX_PAGE = 10**12
_PAGE = an_object(
    {
        "items": schema("array", items=RECORD),
        "page": schema("integer", minimum=1),
        "per_page": schema("integer", minimum=1, maximum=MAX_PER_PAGE),
        "pages": schema("integer", minimum=1),
        "total": WHOLE,
    },
    title="Page",
)
_DESCRIBED = answering(
    {
        200: response(
            "The page.",
            {"text/html": TEXT, "application/json": _PAGE, "text/csv": TEXT},
            headers(
                Link="The pages around (RFC 8288).", X_Total_Count="How many records there are in all.", **KEPT_FROM
            ),
        ),
        303: SIGN_IN,
    },
    (*READING, 404),
)


class Page(msgspec.Struct, frozen=True):
    """One page of records. `pages` is at least 1: without any records, page 1 is empty."""

    items: list[Record]
    page: int
    per_page: int
    pages: int
    total: int


class PageRequest(msgspec.Struct, frozen=True):
    """The page that an address asks for, by number or by cursor. `format` and `per_page` are None where it doesn't have
    them."""

    choice: Choice
    number: int
    cursor: Cursor | None
    size: int
    down: bool
    format: str | None
    per_page: str | None
    excel: bool

    def address(self, **where: object) -> str:
        """The address of another page of the same selection."""
        order, excel = None if self.down else "asc", "true" if self.excel else None
        more = {"per_page": self.per_page, "order": order, "format": self.format, "excel": excel}
        return self.choice.address("/display", **more, **where)


class FormValues(msgspec.Struct, frozen=True):
    """The content of the form's fields, whether right or wrong."""

    series: list[str]
    start: str
    until: str
    tz: str
    down: bool
    per_page: str


def display_route(
    records: Records, reading: FairLine, pages: Pages, defaults: Defaults, metrics: Metrics
) -> HTTPRouteHandler:
    """The route of the records; `reading` is the line in which callers wait for the database."""

    @get("/display", operation_id="display", operation_class=_DESCRIBED, tags=["records"], opt=needs(Scope.READ))
    async def display(
        request: Request[Any, Any, Any],
        page: Annotated[str | None, QueryParameter(description="Number of the page, from 1.")] = None,
        per_page: Annotated[str | None, QueryParameter(description=f"Records a page, up to {MAX_PER_PAGE}.")] = None,
        order: Annotated[str, QueryParameter(description="desc: the newest first; asc: the oldest first.")] = "desc",
        series: Series = None,
        start: From = None,
        until: Until = None,
        shift: InShift = None,
        tz: Zone = None,
        cursor: Annotated[
            str | None,
            QueryParameter(description="From a next or prev link: the page beside, whatever came in meanwhile."),
        ] = None,
        form: Annotated[str | None, QueryParameter(name="format", description=f"{', '.join(FORMATS)}.")] = None,
        excel: Excel = None,
        lang: LangName = None,
    ) -> Response[Any]:
        """The records, newest first, page by page. `Link` has the pages around, `X-Total-Count` the exact total."""
        kind = requested_format(request, form or None, FORMATS, "json")
        if kind == "html" and (plain := tidied(request, pages.at("/display"), PARAMETERS, PICKED)) is not None:
            return plain
        grant, span, speaks = grant_of(request), Asked(start, until, shift), pages.speaking_anyhow(request)
        typed = FormValues(series or [], start or "", until or "", tz or "", order != "asc", per_page or "")
        try:
            all_of = Together()
            all_of.read(lambda: known_only(request, PARAMETERS, repeatable=["series"]), None)
            all_of.read(lambda: pages.speaking(request), speaks)
            choice = all_of.read(lambda: read_choice(series, span, tz, defaults, grant), NOTHING)
            number = all_of.read(lambda: 1 if page is None else _page_number(page, cursor), 1)
            place = all_of.read(lambda: read_cursor(cursor) if cursor else None, None)
            size = all_of.read(lambda: whole_number("per_page", per_page, 1, MAX_PER_PAGE) if per_page else None, None)
            down = all_of.read(lambda: one_of("order", order or "desc", ORDERS) == "desc", True)
            for_excel = all_of.read(lambda: is_for_excel(excel, kind), False)
            all_of.check()
            asked = PageRequest(
                choice, number, place, size or defaults.per_page, down, form or None, per_page or None, for_excel
            )
            async with reading.turn((caller_of(request),)):
                excerpt = await _read(records, asked)
            made = _page(asked, excerpt)
        except (BadRequest, NoSuchPage) as error:
            if kind != "html":
                raise
            metrics.refused("/display", error.reason)
            first = asked.address(page=1) if isinstance(error, NoSuchPage) else "/display"
            values = _faulty(typed, error, first, speaks.language)
            return await pages.form(TEMPLATE, values, speaks, grant, REFUSED, error.status)
        links = _links(asked, excerpt, made.pages)
        told = {
            "Link": ", ".join(f'<{pages.at(speaks.keep(url))}>; rel="{rel}"' for rel, url in links.items()),
            "X-Total-Count": str(excerpt.total),
            **kept_from(excerpt.since),
            "Cache-Control": "no-cache",
            "Vary": speaks.varying("Accept") if kind == "html" else "Accept",
        }
        match kind:
            case "json":
                return Response(made, headers=told)
            case "csv":
                return Response(table(excerpt.items, excel=asked.excel), media_type="text/csv", headers=told)
            case _:
                zone = ZoneInfo(asked.choice.zone)
                seen = {"page": made, "asked": asked, "before": excerpt.before, "links": links, "zone": zone}
                seen["since"] = excerpt.since
                since = asked.choice.start or asked.choice.shift or await _oldest(records, asked.choice.selection)
                values = {"typed": _with_shift(typed, asked.choice), **seen, **from_records(asked.choice, since)}
                return await pages.form(TEMPLATE, values, speaks, grant, told)

    return display


def _page_number(page: str, cursor: str | None) -> int:
    if page and cursor:
        raise bad_parameter("page", "is not allowed together with cursor")
    return whole_number("page", page, 1, MAX_PAGE)


async def _read(records: Records, asked: PageRequest) -> Excerpt:
    selection = asked.choice.selection
    if asked.cursor is not None:
        place, backward = asked.cursor.place, asked.cursor.backward
        return await records.beside(place, asked.size, selection, down=asked.down, backward=backward)
    return await records.at((asked.number - 1) * asked.size, asked.size, selection, down=asked.down)


def _page(asked: PageRequest, excerpt: Excerpt) -> Page:
    pages = max(1, -(-excerpt.total // asked.size))
    if asked.cursor is None and asked.number > pages:
        raise NoSuchPage(
            sentence("There is no page %(number)s; the last one is %(last)s.", number=asked.number, last=pages)
        )
    number = min(pages, excerpt.before // asked.size + 1)
    return Page(excerpt.items, number, asked.size, pages, excerpt.total)


def _links(asked: PageRequest, excerpt: Excerpt, pages: int) -> dict[str, str]:
    """The addresses of the first, previous, next and last page, as far as they exist. The previous and the next one are
    given by cursor, so that new readings don't shift them."""
    links = {"first": asked.address(page=1)}
    if excerpt.before and excerpt.first is not None:
        links["prev"] = asked.address(cursor=Cursor(excerpt.first, backward=True).text())
    if excerpt.before + len(excerpt.items) < excerpt.total and excerpt.last is not None:
        links["next"] = asked.address(cursor=Cursor(excerpt.last).text())
    return {**links, "last": asked.address(page=pages)}


def _with_shift(typed: FormValues, choice: Choice) -> FormValues:
    """The content of the fields, where those for times have the ends of the shift that was asked for."""
    if not choice.shift:
        return typed
    ends = choice.selection.start, choice.selection.end
    start, until = (f"{one.astimezone(ZoneInfo(choice.zone)):%Y-%m-%d %H:%M}" for one in ends)
    return msgspec.structs.replace(typed, start=start, until=until)


def _faulty(typed: FormValues, error: BadRequest | NoSuchPage, first: str, language: Language) -> dict[str, Any]:
    """The values for a page that shows the form with its errors, and no records."""
    found = getattr(error, "faults", ())
    faults = {fault.field: message_beside(fault, language) for fault in found if fault.field in FIELDS}
    notice = "" if faults else language.say(error.detail)
    return {
        "typed": typed,
        "page": None,
        "links": {},
        "to_live": "/",
        "faults": faults,
        "notice": notice,
        "first": first,
    }


async def _oldest(records: Records, selection: Selection) -> str | None:
    """The time of the oldest selected record, at which a chart of all of them begins."""
    first = await records.at(0, 1, selection, down=False)
    return f"{first.items[0].ts:%Y-%m-%dT%H:%M:%SZ}" if first.items else None
