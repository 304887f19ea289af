"""Accepts readings over HTTP. One request is one batch, and is answered after COMMIT."""

from typing import Annotated, Any

import msgspec
from litestar import MediaType, Request, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter, QueryParameter

from service.access.grants import Scope
from service.errors import BadReading, UnsupportedType
from service.intake.batch import Outcome, Packed
from service.intake.bodies import inflate, keep, lines, whole
from service.intake.formats.csv_table import add_table
from service.intake.formats.frames import careful_json, plain_json
from service.intake.formats.ndjson import add_lines
from service.intake.gate import Entrance, Gate
from service.intake.packer import Packer
from service.intake.reading import now_microseconds
from service.routes.authentication import needs
from service.routes.openapi_answers import WRITING, answering, response
from service.routes.openapi_bodies import READINGS
from service.routes.openapi_schemas import FAULTS, WHOLE, an_object, schema
from service.routes.parameters import batch_key, choice, known_only
from service.routes.senders import sender_of

MEDIA_TYPES = ("application/json", "application/x-ndjson", "text/csv")
_WRITTEN = an_object(
    {"written": WHOLE, "duplicate": schema("boolean"), "refused": WHOLE, "errors": FAULTS},
    optional=("refused", "errors"),
    description="`refused` and `errors` with `partial=true`, where readings were left out.",
)
_DESCRIBED = answering(
    {200: response("The readings are committed.", {"application/json": _WRITTEN})}, WRITING, body=READINGS
)


def readings_route(gate: Gate, max_body: int) -> HTTPRouteHandler:
    """The route for posting readings; a body may have `max_body` bytes."""

    @post(
        "/readings",
        status_code=200,
        media_type=MediaType.JSON,
        operation_class=_DESCRIBED,
        operation_id="postReadings",
        tags=["readings"],
        opt=needs(Scope.WRITE),
    )
    async def post_readings(
        request: Request[Any, Any, Any],
        key: Annotated[
            str | None,
            HeaderParameter(name="Idempotency-Key", description="Id of the batch; sending it again is then harmless."),
        ] = None,
        partial: Annotated[
            str, QueryParameter(description="`true`: write the good readings, report the others.")
        ] = "false",
    ) -> dict[str, Any]:
        """Write a reading, an array, NDJSON or CSV as one batch, all or none. 200 means committed."""
        known_only(request, ["partial"])
        some = choice("partial", partial, ["true", "false"]) == "true"
        batch_id = batch_key(key)
        entrance = gate.enter_at_once(sender_of(request))
        with entrance.hold:
            packed = await _read(request, max_body, entrance, batch_id, partial=some)
        outcome = await entrance.offer(packed)
        if packed.refused:
            entrance.refused(BadReading.reason, packed.refused)
        return _answer(packed, outcome)

    return post_readings


async def _read(
    request: Request[Any, Any, Any], max_body: int, entrance: Entrance, batch_id: str | None, *, partial: bool
) -> Packed:
    media_type = request.content_type[0]
    if not media_type:  # a program says what it sends; without that, a page of another site needs nobody's leave
        raise UnsupportedType(f"There is no Content-Type; send {', '.join(MEDIA_TYPES)}.")
    if media_type not in MEDIA_TYPES:
        raise UnsupportedType(f"Content-Type {media_type} isn't understood; send {', '.join(MEDIA_TYPES)}.")
    rules, share, hold = entrance.rules, entrance.share, entrance.hold
    body = inflate(request.stream(), request.headers.get("content-encoding", ""), max_body, share, hold)
    if media_type == "application/json":
        text, now = await whole(body), now_microseconds()
        if (packed := plain_json(text, rules, now, batch_id)) is not None:
            return packed
        return await share.do(careful_json(text, rules, now, batch_id, partial=partial))
    packer = Packer(rules, now_microseconds(), batch_id, partial=partial)
    if media_type == "text/csv":
        await share.do(add_table(await whole(body), packer))
    else:
        async for block in lines(body):
            await share.do(add_lines(block, packer))
            keep(hold, packer.size)
    return packer.finish()


def _answer(packed: Packed, outcome: Outcome) -> dict[str, Any]:
    duplicate = outcome is Outcome.DUPLICATE
    answer: dict[str, Any] = {"written": 0 if duplicate else packed.items, "duplicate": duplicate}
    if packed.refused:
        answer |= {"refused": packed.refused, "errors": msgspec.to_builtins(packed.faults)}
    return answer
