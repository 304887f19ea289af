"""`GET /corrections`: what was corrected, when and by whom, as HTML for people and as JSON or CSV for programs."""

import csv
import io
from collections.abc import Sequence
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from service.access.grants import Scope
from service.errors import BadRequest
from service.limits.fair_line import FairLine
from service.metrics import Metrics
from service.period.ends import Asked
from service.routes.authentication import needs
from service.routes.defaults import Defaults
from service.routes.forms import PICKED, message_beside, tidied
from service.routes.html_pages import Pages
from service.routes.openapi_answers import READING, SIGN_IN, answering, headers, response
from service.routes.openapi_schemas import INSTANT, TEXT, WHOLE, an_object, schema
from service.routes.parameters import Together, known_only, requested_format, whole_number
from service.routes.record_parameters import CHOOSING, NOTHING, Choice, From, InShift, Series, Until, Zone, read_choice
from service.routes.senders import caller_of, grant_of
from service.store import Corrections, Entry

FORMATS = {"html": "text/html", "json": "application/json", "csv": "text/csv"}
PARAMETERS = (*CHOOSING, "limit", "before", "format")
FIELDS = ("series", "from", "until", "tz")
"""Parameters with a field in the form, beside which an error can be shown."""
TEMPLATE = "corrections.html"
MOST, USUAL = 1000, 100
"""How many corrections an answer has at most, and where the address doesn't say."""
MAX_ID = 10**15
_ENTRY = an_object(
    {
        "id": WHOLE,
        "at": INSTANT,
        "by": TEXT,
        "series": schema("array", items=TEXT),
        "from": INSTANT,
        "until": INSTANT,
        "field": schema(["string", "null"]),
        "removed": WHOLE,
        "changed": WHOLE,
        "written": WHOLE,
        "batch": schema(["string", "null"]),
    },
    title="Correction",
)
_LIST = an_object({"items": schema("array", items=_ENTRY), "before": schema(["integer", "null"])})
_DESCRIBED = answering(
    {
        200: response(
            "The newest corrections; `before` is where the next ones begin.",
            {"text/html": TEXT, "application/json": _LIST, "text/csv": TEXT},
            headers(ETag="The tag of the readings of these series in this range, where the address names both."),
        ),
        303: SIGN_IN,
    },
    READING,
)


class CorrectionsAsked(msgspec.Struct, frozen=True):
    """The corrections that an address asks for: the newest `most`, with ids `below`; `limit` as it was written."""

    choice: Choice
    most: int
    below: int | None
    limit: str | None

    def address(self, **where: object) -> str:
        """The address of others of the same selection."""
        return self.choice.address("/corrections", limit=self.limit, **where)


class FormValues(msgspec.Struct, frozen=True):
    """The content of the form's fields, whether right or wrong."""

    series: list[str]
    start: str
    until: str
    tz: str
    limit: str
    before: str


def correction_list_route(
    corrections: Corrections, reading: FairLine, pages: Pages, defaults: Defaults, metrics: Metrics
) -> HTTPRouteHandler:
    """The route that lists corrections; `reading` is the line in which callers wait for the database."""

    @get(
        "/corrections",
        operation_id="getCorrections",
        operation_class=_DESCRIBED,
        tags=["readings"],
        opt=needs(Scope.READ),
    )
    async def get_corrections(
        request: Request[Any, Any, Any],
        series: Series = None,
        start: From = None,
        until: Until = None,
        shift: InShift = None,
        tz: Zone = None,
        limit: Annotated[str | None, QueryParameter(description=f"How many at most, up to {MOST}.")] = None,
        before: Annotated[str | None, QueryParameter(description="Only those with a smaller id.")] = None,
        form: Annotated[str | None, QueryParameter(name="format", description=f"{', '.join(FORMATS)}.")] = None,
    ) -> Response[Any]:
        """Corrections of something in a period and of some series, the newest first."""
        kind = requested_format(request, form or None, FORMATS, "json")
        if kind == "html" and (plain := tidied(request, pages.at("/corrections"), PARAMETERS, PICKED)) is not None:
            return plain
        grant, span = grant_of(request), Asked(start, until, shift)
        typed = FormValues(series or [], start or "", until or "", tz or "", limit or "", before or "")
        try:
            all_of = Together()
            all_of.read(lambda: known_only(request, PARAMETERS, repeatable=["series"]), None)
            chosen = all_of.read(lambda: read_choice(series, span, tz, defaults, grant), NOTHING)
            most = all_of.read(lambda: whole_number("limit", limit, 1, MOST) if limit else USUAL, USUAL)
            below = all_of.read(lambda: whole_number("before", before, 1, MAX_ID) if before else None, None)
            all_of.check()
        except BadRequest as error:
            if kind != "html":
                raise
            metrics.refused("/corrections", error.reason)
            return await pages.form(TEMPLATE, _faulty(typed, error), grant, {"Cache-Control": "no-store"}, error.status)
        asked = CorrectionsAsked(chosen, most, below, limit or None)
        told = {"Cache-Control": "no-cache", "Vary": "Accept"}
        picked = chosen.selection
        async with reading.turn((caller_of(request),)):
            found = await corrections.made(picked, below, most + 1)
            if kind != "html" and chosen.series and (shift or (start and until)):
                told["ETag"] = f'"{await corrections.tag(chosen.series, picked.start, picked.end)}"'
        shown, onward = found[:most], found[most - 1].id if len(found) > most else None
        match kind:
            case "csv":
                return Response(_table(shown), media_type="text/csv", headers=told)
            case "json":
                return Response({"items": shown, "before": onward}, headers=told)
            case _:
                return await pages.form(TEMPLATE, _shown(asked, typed, shown, onward), grant, told)

    return get_corrections


def _shown(asked: CorrectionsAsked, typed: FormValues, entries: Sequence[Entry], onward: int | None) -> dict[str, Any]:
    """The values for the page of these corrections; `onward` is where older ones begin."""
    return {
        "typed": typed,
        "entries": entries,
        "zone": ZoneInfo(asked.choice.zone),
        "is_all": asked.choice.is_all and asked.below is None,
        "newest": asked.address(),
        "older": None if onward is None else asked.address(before=onward),
        "as_csv": asked.address(before=asked.below, format="csv"),
        "as_json": asked.address(before=asked.below, format="json"),
        "to_records": asked.choice.address("/display"),
    }


def _faulty(typed: FormValues, error: BadRequest) -> dict[str, Any]:
    """The values for a page that shows the form with its errors, and no corrections."""
    faults = {fault.field: message_beside(fault) for fault in error.faults if fault.field in FIELDS}
    notice = "" if faults else error.detail
    return {"typed": typed, "entries": None, "older": None, "faults": faults, "notice": notice}


def _table(entries: Sequence[Entry]) -> bytes:
    """The same as CSV; the series are a JSON array."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(Entry.__struct_encode_fields__)
    for entry in entries:
        row = msgspec.to_builtins(entry)
        writer.writerow(msgspec.json.encode(cell).decode() if isinstance(cell, list) else cell for cell in row.values())
    return out.getvalue().encode()
