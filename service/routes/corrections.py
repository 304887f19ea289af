"""`PUT` and `DELETE /readings`: other readings in the place of some, or none. 200 means that it is committed."""

from collections.abc import Callable
from datetime import timedelta
from hashlib import blake2b
from typing import Annotated, Any

import msgspec
from litestar import MediaType, Request, Response, delete, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter, QueryParameter

from service.access.grants import Scope
from service.errors import BadReading, Fault, bad_parameter
from service.intake.gate import Gate
from service.intake.reading import NOT_KEPT, Rules
from service.intake.timestamps import microseconds, show
from service.intake.within import Within
from service.period.ends import Asked
from service.period.kept import Kept
from service.routes.authentication import needs
from service.routes.defaults import Defaults
from service.routes.openapi_answers import READING, WRITING, answering, headers, response
from service.routes.openapi_bodies import READINGS
from service.routes.openapi_schemas import WHOLE, an_object, schema
from service.routes.parameters import batch_key, known_only
from service.routes.parameters import choice as one_of
from service.routes.posted_bodies import read_body
from service.routes.record_parameters import Choice, From, Until, Zone, read_choice
from service.routes.record_parameters import Series as SomeSeries
from service.routes.senders import grant_of, sender_of
from service.store import Corrected, Correction, Corrections

FIELDS = ("plan", "fact")
PARAMETERS = ("series", "from", "until", "tz", "field")
NEEDED = ("series", "from", "until")
LONGEST = timedelta(days=400)
"""The longest range that is corrected at once: it takes as many locks as it has chunks."""
_CORRECTED = an_object({"removed": WHOLE, "changed": WHOLE, "written": WHOLE, "duplicate": schema("boolean")})
_ANSWERS = {
    200: response(
        "The correction is committed.",
        {"application/json": _CORRECTED},
        headers(ETag="The tag of the readings afterwards, where If-Match was sent."),
    )
}
_PUT = answering(_ANSWERS, (*WRITING, 412), body=READINGS)
_DELETE = answering(_ANSWERS, (*READING, 412, 413, 422))

_Field = Annotated[
    str | None, QueryParameter(description="plan or fact: only that is replaced or taken away, the rest stays.")
]
_Key = Annotated[
    str | None,
    HeaderParameter(name="Idempotency-Key", description="Id of the correction; sending it again is then harmless."),
]
_IfMatch = Annotated[
    str | None,
    HeaderParameter(name="If-Match", description="Tags of /corrections; 412 where the readings have changed since."),
]


def correction_routes(
    gate: Gate,
    corrections: Corrections,
    changed: Callable[[], None],
    kept: Callable[[], Kept],
    defaults: Defaults,
    max_body: int,
) -> list[HTTPRouteHandler]:
    """The routes that correct readings; `changed` is called when one has done so, and `kept` returns from when on
    readings are kept."""

    async def make(asked: Correction) -> Response[Any]:
        done = await corrections.make(asked)
        if not done.duplicate:
            changed()
        return _answer(done)

    @put(
        "/readings",
        status_code=200,
        media_type=MediaType.JSON,
        operation_class=_PUT,
        operation_id="putReadings",
        tags=["readings"],
        opt=needs(Scope.CORRECT),
    )
    async def put_readings(
        request: Request[Any, Any, Any],
        series: SomeSeries = None,
        start: From = None,
        until: Until = None,
        tz: Zone = None,
        field: _Field = None,
        key: _Key = None,
        if_match: _IfMatch = None,
    ) -> Response[Any]:
        """Put readings in the place of those of some series in a range, all or none."""
        asked = _asked(request, (series, Asked(start, until, None), tz, field, key, if_match), defaults)
        entrance = gate.enter_at_once(sender_of(request))
        _check_kept(asked, kept())
        with entrance.hold:
            packed = await read_body(request, max_body, entrance, _rules(entrance.rules, asked), asked.id)
            async with entrance.beside(packed):
                digest = blake2b(asked.digest + (packed.digest or b""), digest_size=16).digest()
                return await make(msgspec.structs.replace(asked, batch=packed, id=packed.id, digest=digest))

    @delete(
        "/readings",
        status_code=200,
        media_type=MediaType.JSON,
        operation_class=_DELETE,
        operation_id="deleteReadings",
        tags=["readings"],
        opt=needs(Scope.CORRECT),
    )
    async def delete_readings(
        request: Request[Any, Any, Any],
        series: SomeSeries = None,
        start: From = None,
        until: Until = None,
        tz: Zone = None,
        field: _Field = None,
        key: _Key = None,
        if_match: _IfMatch = None,
    ) -> Response[Any]:
        """Take away the readings of some series in a range, or only their plan or fact."""
        asked = _asked(request, (series, Asked(start, until, None), tz, field, key, if_match), defaults)
        gate.enter_at_once(sender_of(request))
        _check_kept(asked, kept())
        return await make(asked)

    return [put_readings, delete_readings]


def _asked(
    request: Request[Any, Any, Any],
    given: tuple[list[str] | None, Asked, str | None, str | None, str | None, str | None],
    defaults: Defaults,
) -> Correction:
    """What the address and the headers ask for. Raises BadRequest, which names what is wrong, and Forbidden where the
    key doesn't cover a series."""
    series, ends, tz, field, key, if_match = given
    known_only(request, PARAMETERS, repeatable=["series"])
    for name, value in zip(NEEDED, (any(series or ()), ends.start, ends.until), strict=True):
        if not value:
            raise bad_parameter(name, f"is needed: a correction names {', '.join(NEEDED[:-1])} and {NEEDED[-1]}")
    if field is not None:
        one_of("field", field, FIELDS)
    chosen = read_choice(series, ends, tz, defaults, grant_of(request))
    if chosen.selection.end - chosen.selection.start > LONGEST:
        raise bad_parameter("until", f"is more than {LONGEST.days} days after from, the most of one correction")
    return Correction(
        series=chosen.series,
        start=chosen.selection.start,
        end=chosen.selection.end,
        by=grant_of(request).name,
        field=field,
        id=batch_key(key),
        digest=_digest(request.method, chosen, field),
        tags=None if if_match is None else [tag.strip().strip('"') for tag in if_match.split(",")],
    )


def _check_kept(asked: Correction, kept: Kept) -> None:
    """Raise BadReading where not all readings of the range are kept: nothing of it is corrected in part."""
    if kept.readings is not None and asked.start < kept.readings:
        detail = f"is before {show(microseconds(kept.readings))}, {NOT_KEPT}"
        raise BadReading(f"from: {detail}.", [Fault(0, "from", detail)])


def _digest(method: str, chosen: Choice, field: str | None) -> bytes:
    """By what the same correction sent again is known: its times as they were written, since `-1d` means another time
    then."""
    said = [method, *sorted(chosen.series), chosen.start, chosen.end, chosen.zone, field]
    return blake2b(msgspec.json.encode(said), digest_size=16).digest()


def _rules(rules: Rules, asked: Correction) -> Rules:
    """The rules for readings that come in the place of others."""
    within = Within(tuple(asked.series), microseconds(asked.start), microseconds(asked.end), asked.field)
    return msgspec.structs.replace(rules, within=within)


def _answer(done: Corrected) -> Response[Any]:
    counts = {"removed": done.removed, "changed": done.changed, "written": done.written, "duplicate": done.duplicate}
    return Response(counts, headers={} if done.tag is None else {"ETag": f'"{done.tag}"'})
