"""`GET /readings`: any number of readings as a stream, with constant memory, in formats that can be posted back."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter
from litestar.response import Stream
from litestar.types import ASGIApp, Receive, Send
from litestar.types import Scope as ASGIScope

from service.access.grants import Grant, Scope
from service.errors import NoMemory, Unauthorized
from service.limits.allowance import Allowance, Hold
from service.limits.fair_line import FairLine
from service.period.ends import Asked
from service.routes.authentication import needs
from service.routes.defaults import Defaults
from service.routes.openapi_answers import READING, SIGN_IN, answering, response
from service.routes.openapi_schemas import TEXT
from service.routes.parameters import Together, known_only, requested_format, takes_gzip
from service.routes.record_formats import ndjson, table
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
from service.store import Record
from service.store.records import Records

FORMATS = {"ndjson": "application/x-ndjson", "csv": "text/csv"}
PARAMETERS = (*CHOOSING, "format", "excel")
_DESCRIBED = answering({200: response("The readings.", dict.fromkeys(FORMATS.values(), TEXT)), 303: SIGN_IN}, READING)
MEMORY = 2 * 2**20
"""About how many bytes of memory an export takes: a part of it as records, as text, and unread."""


def export_route(
    records: Records, reading: FairLine, defaults: Defaults, admits: Callable[[Grant], bool], memory: Allowance
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
        parts = _in_turn(records.stream(choice.selection), reading, caller_of(request))
        hold = memory.hold(caller_of(request))
        if not hold.take(MEMORY):
            raise NoMemory
        try:
            # the first part is read before the answer begins, while an error can still have a status of its own
            first: list[Record] = await anext(parts, [])
        except BaseException:
            hold.release()
            raise
        text = _encoded(first, _while_admitted(parts, lambda: admits(grant_of(request))), form, excel=for_excel)
        headers = {
            "Content-Disposition": f'attachment; filename="readings.{form}"',
            "Cache-Control": "no-store",
            "Vary": "Accept, Accept-Encoding",
        }
        if takes_gzip(request.headers.get("accept-encoding", "")):
            headers["Content-Encoding"] = "gzip"
            text = _compressed(text)
        return HeldStream(text, hold, media_type=FORMATS[form], headers=headers)

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


async def _in_turn(parts: AsyncIterator[list[Record]], reading: FairLine, caller: str) -> AsyncIterator[list[Record]]:
    """The parts, for each of which the caller waits for a turn."""
    while True:
        async with reading.turn((caller,)):
            part = await anext(parts, None)
        if part is None:
            return
        yield part


async def _while_admitted(
    parts: AsyncIterator[list[Record]], admitted: Callable[[], bool]
) -> AsyncIterator[list[Record]]:
    """The parts; Unauthorized, which cuts the connection, as soon as the caller may not see them any more."""
    async for part in parts:
        if not admitted():
            raise Unauthorized
        yield part


async def _encoded(
    first: list[Record], parts: AsyncIterator[list[Record]], form: str, *, excel: bool
) -> AsyncIterator[bytes]:
    yield table(first, excel=excel) if form == "csv" else ndjson(first)
    async for part in parts:
        yield table(part, header=False, excel=excel) if form == "csv" else ndjson(part)


async def _compressed(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    packer = zlib.compressobj(6, wbits=31)
    async for part in parts:
        # in a thread, since zlib releases the interpreter's lock
        if packed := await asyncio.to_thread(packer.compress, part):
            yield packed
    yield packer.flush()
