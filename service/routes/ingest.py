"""Accepts readings over HTTP. One request is one batch, and is answered after COMMIT."""

from functools import partial as partial_of
from typing import Annotated, Any

import msgspec
from litestar import MediaType, Request, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import HeaderParameter, QueryParameter

from service.access.grants import Scope
from service.errors import BadReading, UnsupportedType
from service.intake.batch import Outcome, Packed
from service.intake.bodies import inflate, lines, whole
from service.intake.formats.csv_table import add_table
from service.intake.formats.frames import read_json
from service.intake.formats.json_array import read_large
from service.intake.formats.ndjson import add_lines
from service.intake.gate import Gate
from service.intake.packer import Packer
from service.intake.reading import Rules, now_microseconds
from service.routes.authentication import needs
from service.routes.one_at_a_time import OneAtATime
from service.routes.openapi_bodies import WriteReadings
from service.routes.parameters import batch_key, choice, known_only
from service.routes.senders import sender_of

LARGE, LARGE_TABLE = 256 * 1024, 16 * 1024
"""The bytes of a body, and of a CSV body, from which on it is parsed in a thread, so that other tasks have their
turns."""
MEDIA_TYPES = ("application/json", "application/x-ndjson", "text/csv")


def readings_route(gate: Gate, max_body: int) -> HTTPRouteHandler:
    """The route for posting readings; a body may have `max_body` bytes."""
    parsing = OneAtATime()

    @post(
        "/readings",
        status_code=200,
        media_type=MediaType.JSON,
        operation_class=WriteReadings,
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
        packed = await _read(request, max_body, parsing, entrance.rules, batch_id, partial=some)
        outcome = await entrance.offer(packed)
        if packed.refused:
            entrance.refused(BadReading.reason, packed.refused)
        return _answer(packed, outcome)

    return post_readings


async def _read(
    request: Request[Any, Any, Any],
    max_body: int,
    parsing: OneAtATime,
    rules: Rules,
    batch_id: str | None,
    *,
    partial: bool,
) -> Packed:
    media_type = request.content_type[0]
    if not media_type:  # a program says what it sends; without that, a page of another site needs nobody's leave
        raise UnsupportedType(f"There is no Content-Type; send {', '.join(MEDIA_TYPES)}.")
    if media_type not in MEDIA_TYPES:
        raise UnsupportedType(f"Content-Type {media_type} isn't understood; send {', '.join(MEDIA_TYPES)}.")
    body = inflate(request.stream(), request.headers.get("content-encoding", ""), max_body)
    if media_type == "application/x-ndjson":
        packer = Packer(rules, now_microseconds(), batch_id)
        async for block in lines(body):
            add_lines(block, packer)
        return packer.finish(partial=partial)
    text = await whole(body)
    is_table = media_type == "text/csv"
    is_large = len(text) >= (LARGE_TABLE if is_table else LARGE)
    read = _read_table if is_table else read_large if is_large else read_json
    parse = partial_of(read, text, rules, now_microseconds(), batch_id, partial=partial)
    return await parsing.run(parse) if is_large else parse()


def _read_table(text: bytes, rules: Rules, now: int, batch_id: str | None, *, partial: bool) -> Packed:
    packer = Packer(rules, now, batch_id)
    add_table(text, packer)
    return packer.finish(partial=partial)


def _answer(packed: Packed, outcome: Outcome) -> dict[str, Any]:
    duplicate = outcome is Outcome.DUPLICATE
    answer: dict[str, Any] = {"written": 0 if duplicate else packed.count, "duplicate": duplicate}
    if packed.refused:
        answer |= {"refused": packed.refused, "errors": msgspec.to_builtins(packed.faults)}
    return answer
