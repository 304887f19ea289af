"""Readings over HTTP: one request is one batch, answered after COMMIT."""

from typing import Annotated, Any

from litestar import MediaType, Request, post
from litestar.di import NamedDependency
from litestar.params import HeaderParameter

from service.batches import Outcome, pack
from service.errors import UnsupportedType
from service.readings import Batch, check_batch_id, make_batch, now_microseconds, parse_json
from service.routes.context import Context


@post("/readings", status_code=200, media_type=MediaType.JSON, operation_id="postReadings", tags=["readings"])
async def post_readings(
    request: Request[Any, Any, Any],
    context: NamedDependency[Context],
    key: Annotated[
        str | None,
        HeaderParameter(name="Idempotency-Key", description="Id of the batch; sending it again is then harmless."),
    ] = None,
) -> dict[str, int | bool]:
    """Write a reading or an array of readings, all or none. 200 means committed."""
    batch = await _read_batch(request, context, key)
    outcome = await context.writer.offer(pack(batch, now_microseconds()))
    duplicate = outcome is Outcome.DUPLICATE
    return {"written": 0 if duplicate else len(batch.readings), "duplicate": duplicate}


async def _read_batch(request: Request[Any, Any, Any], context: Context, key: str | None) -> Batch:
    media_type = request.content_type[0]
    if media_type not in ("application/json", ""):
        raise UnsupportedType(f"Content-Type {media_type} isn't understood; send application/json.")
    batch_id = None if key is None else check_batch_id(key)
    return make_batch(parse_json(await request.body()), context.rules, batch_id)
