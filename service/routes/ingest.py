"""Accepts readings over HTTP. One request is one batch, and is answered after COMMIT."""

from time import perf_counter
from typing import Annotated, Any

import msgspec
from litestar import MediaType, Request, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter, QueryParameter

from service.access.grants import Scope
from service.errors import BadReading
from service.intake.batch import Outcome, Packed
from service.intake.gate import Gate
from service.routes.authentication import needs
from service.routes.openapi_answers import WRITING, answering, response
from service.routes.openapi_bodies import READINGS
from service.routes.openapi_schemas import FAULTS, WHOLE, an_object, schema
from service.routes.parameters import batch_key, choice, known_only
from service.routes.posted_bodies import read_body
from service.routes.senders import sender_of

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
        began = perf_counter()
        known_only(request, ["partial"])
        some = choice("partial", partial, ["true", "false"]) == "true"
        batch_id = batch_key(key)
        entrance = gate.enter_at_once(sender_of(request))
        with entrance.hold:
            packed = await read_body(request, max_body, entrance, entrance.rules, batch_id, partial=some)
        outcome = await entrance.offer(packed)
        entrance.acknowledged(perf_counter() - began)
        if packed.refused:
            entrance.refused(BadReading.reason, packed.refused)
        return _answer(packed, outcome)

    return post_readings


def _answer(packed: Packed, outcome: Outcome) -> dict[str, Any]:
    duplicate = outcome is Outcome.DUPLICATE
    answer: dict[str, Any] = {"written": 0 if duplicate else packed.items, "duplicate": duplicate}
    if packed.refused:
        answer |= {"refused": packed.refused, "errors": msgspec.to_builtins(packed.faults)}
    return answer
