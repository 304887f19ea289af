"""Bodies of readings, in all formats, as `/readings` takes them."""

from typing import Any

from litestar import Request

from service.errors import UnsupportedType
from service.intake.batch import Packed
from service.intake.bodies import inflate, keep, lines, whole
from service.intake.formats.csv_table import add_table
from service.intake.formats.frames import careful_json, plain_json
from service.intake.formats.ndjson import add_lines
from service.intake.gate import Entrance
from service.intake.packer import Packer
from service.intake.reading import Rules, now_microseconds

MEDIA_TYPES = ("application/json", "application/x-ndjson", "text/csv")


async def read_body(
    request: Request[Any, Any, Any],
    max_body: int,
    entrance: Entrance,
    rules: Rules,
    batch_id: str | None,
    *,
    partial: bool = False,
) -> Packed:
    """The readings of a request's body, which may have `max_body` bytes. Raises the errors of its format."""
    media_type = request.content_type[0]
    if not media_type:  # a program says what it sends; without that, a page of another site needs nobody's leave
        raise UnsupportedType(f"There is no Content-Type; send {', '.join(MEDIA_TYPES)}.")
    if media_type not in MEDIA_TYPES:
        raise UnsupportedType(f"Content-Type {media_type} isn't understood; send {', '.join(MEDIA_TYPES)}.")
    share, hold = entrance.share, entrance.hold
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
