"""`GET /readings`: any number of readings as a stream, with constant memory, in formats that can be posted back."""

from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from litestar.response import Stream
from litestar.types import ASGIApp, Receive, Send
from litestar.types import Scope as ASGIScope

from service.access.grants import Grant, Scope
from service.errors import NoMemory
from service.limits.allowance import Allowance, Hold
from service.limits.fair_line import FairLine
from service.period.ends import Asked
from service.routes.authentication import needs
from service.routes.defaults import Defaults
from service.routes.export_bodies import columnar, compressed, open_writer, texts
from service.routes.export_parts import ahead, beginning_with, in_turn, while_admitted
from service.routes.kept_from import KEPT_FROM, kept_from
from service.routes.openapi_answers import READING, SIGN_IN, answering, headers, response
from service.routes.openapi_schemas import TEXT
from service.routes.parameters import Together, known_only, requested_format, takes_gzip
from service.routes.record_parameters import (
    CHOOSING,
    NOTHING,
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
from service.store.long_ranges import LongRanges

FORMATS = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv",
    "arrow": "application/vnd.apache.arrow.stream",
    "parquet": "application/vnd.apache.parquet",
}
PARAMETERS = (*CHOOSING, "format", "excel")
_CONTENT = {media_type: None if form in ("arrow", "parquet") else TEXT for form, media_type in FORMATS.items()}
_DESCRIBED = answering({200: response("The readings.", _CONTENT, headers(**KEPT_FROM)), 303: SIGN_IN}, (*READING, 501))
MEMORY = 4 * 2**20
"""About how many bytes of memory an export takes: a part of it as it was read, the next one, and some of it as text."""
MORE_MEMORY = {"arrow": 2 * 2**20, "parquet": 20 * 2**20}
"""How much more the formats of columns take: a record batch, and a row group as it was read and as it is written."""


def export_route(
    ranges: LongRanges, reading: FairLine, defaults: Defaults, admits: Callable[[Grant], bool], memory: Allowance
) -> HTTPRouteHandler:
    """The route for reading readings. `reading` is the line in which callers wait for the database. Times without an
    offset are in `zone`; `admits` says whether a grant still holds; each export takes from `memory`."""

    @get(
        "/readings",
        operation_id="getReadings",
        operation_class=_DESCRIBED,
        tags=["readings"],
        opt=needs(Scope.READ),
    )
    async def export(
        request: Request[Any, Any, Any],
        series: Series = None,
        start: From = None,
        until: Until = None,
        shift: InShift = None,
        tz: Zone = None,
        form: Annotated[str | None, QueryParameter(name="format", description=f"{', '.join(FORMATS)}.")] = None,
        excel: Excel = None,
    ) -> Stream:
        """All readings, or those of a period and of some series, oldest first. What comes can be posted to
        /readings."""
        known_only(request, PARAMETERS, repeatable=["series"])
        form = requested_format(request, form, FORMATS, "ndjson")
        asked = Asked(start, until, shift)
        all_of = Together()
        for_excel = all_of.read(lambda: is_for_excel(excel, form), False)
        choice = all_of.read(lambda: read_choice(series, asked, tz, defaults, grant_of(request)), NOTHING)
        all_of.check()
        since = await ranges.since(choice.selection)
        parts = ahead(in_turn(ranges.read(choice.selection), reading, caller_of(request)))
        hold = memory.hold(caller_of(request))
        if not hold.take(MEMORY + MORE_MEMORY.get(form, 0)):
            raise NoMemory
        try:
            writer = await open_writer(form) if form in MORE_MEMORY else None
            # the first part is read before the answer begins, while an error can still have a status of its own
            first = await anext(parts, None)
        except BaseException:
            hold.release()
            raise
        whole = beginning_with(first, while_admitted(parts, lambda: admits(grant_of(request))))
        body = texts(whole, form, excel=for_excel) if writer is None else columnar(whole, writer)
        headers = {
            "Content-Disposition": f'attachment; filename="readings.{form}"',
            "Cache-Control": "no-store",
            "Vary": "Accept, Accept-Encoding",
            **kept_from(since),
        }
        if writer is None and takes_gzip(request.headers.get("accept-encoding", "")):
            headers["Content-Encoding"] = "gzip"
            body = compressed(body)
        return HeldStream(body, hold, media_type=FORMATS[form], headers=headers)

    return export


class HeldStream(Stream):
    """A stream for which memory is held until it has ended, or until its client is gone, even before it began."""

    def __init__(self, content: AsyncIterator[bytes], hold: Hold, **kwargs: Any) -> None:
        super().__init__(content, **kwargs)
        self._hold = hold

    def to_asgi_response(self, *args: Any, **kwargs: Any) -> ASGIApp:  # type: ignore[override]
        """The application that answers with the stream."""
        answer = super().to_asgi_response(*args, **kwargs)

        async def answer_and_release(scope: ASGIScope, receive: Receive, send: Send) -> None:
            with self._hold:
                await answer(scope, receive, send)

        return answer_and_release
