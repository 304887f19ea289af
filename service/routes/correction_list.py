"""`GET /corrections`: what was corrected, when and by whom."""

import csv
import io
from collections.abc import Sequence
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from service.access.grants import Scope
from service.limits.fair_line import FairLine
from service.period.ends import Asked
from service.routes.authentication import needs
from service.routes.defaults import Defaults
from service.routes.openapi_answers import READING, SIGN_IN, answering, headers, response
from service.routes.openapi_schemas import INSTANT, TEXT, WHOLE, an_object, schema
from service.routes.parameters import Together, known_only, requested_format, whole_number
from service.routes.record_parameters import CHOOSING, NOTHING, From, InShift, Series, Until, Zone, read_choice
from service.routes.senders import caller_of, grant_of
from service.store import Corrections, Entry

FORMATS = {"json": "application/json", "csv": "text/csv"}
PARAMETERS = (*CHOOSING, "limit", "before", "format")
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
            {"application/json": _LIST, "text/csv": TEXT},
            headers(ETag="The tag of the readings of these series in this range, where the address names both."),
        ),
        303: SIGN_IN,
    },
    READING,
)


def correction_list_route(corrections: Corrections, reading: FairLine, defaults: Defaults) -> HTTPRouteHandler:
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
        known_only(request, PARAMETERS, repeatable=["series"])
        kind = requested_format(request, form or None, FORMATS, "json")
        all_of, span = Together(), Asked(start, until, shift)
        chosen = all_of.read(lambda: read_choice(series, span, tz, defaults, grant_of(request)), NOTHING)
        most = all_of.read(lambda: whole_number("limit", limit, 1, MOST) if limit else USUAL, USUAL)
        below = all_of.read(lambda: whole_number("before", before, 1, MAX_ID) if before else None, None)
        all_of.check()
        told = {"Cache-Control": "no-cache", "Vary": "Accept"}
        picked = chosen.selection
        async with reading.turn((caller_of(request),)):
            found = await corrections.made(picked, below, most + 1)
            if chosen.series and (shift or (start and until)):
                told["ETag"] = f'"{await corrections.tag(chosen.series, picked.start, picked.end)}"'
        shown = found[:most]
        if kind == "csv":
            return Response(_table(shown), media_type="text/csv", headers=told)
        return Response({"items": shown, "before": shown[-1].id if len(found) > most else None}, headers=told)

    return get_corrections


def _table(entries: Sequence[Entry]) -> bytes:
    """The same as CSV; the series are a JSON array."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(Entry.__struct_encode_fields__)
    for entry in entries:
        row = msgspec.to_builtins(entry)
        writer.writerow(msgspec.json.encode(cell).decode() if isinstance(cell, list) else cell for cell in row.values())
    return out.getvalue().encode()
