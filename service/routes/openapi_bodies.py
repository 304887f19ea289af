"""The descriptions in the OpenAPI document of bodies that the service reads itself, as they arrive."""

from typing import Final

from litestar.openapi.spec import (
    Example,
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIType,
    Reference,
    RequestBody,
    Schema,
)

from service.routes.openapi_schemas import TEXT

READING_SCHEMA = Schema(
    title="Reading",
    type=OpenAPIType.OBJECT,
    description="Any other key is kept as an attribute, unless it is one of these in capitals. Without a fact, `ts` "
    "may be MAX_PLAN_AHEAD later than now. With neither number, `note` is text of 1 to 500 characters.",
    properties={
        "ts": Schema(
            description="RFC 3339 with an offset, or epoch seconds (from 10^8) or milliseconds (from 10^11); "
            "absent: the server's clock.",
            one_of=[
                Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.DATE_TIME),
                Schema(type=OpenAPIType.NUMBER),
                Schema(type=OpenAPIType.NULL),
            ],
        ),
        "series": Schema(type=[OpenAPIType.STRING, OpenAPIType.NULL], min_length=1, max_length=200, default="default"),
        "plan": Schema(type=[OpenAPIType.NUMBER, OpenAPIType.NULL]),
        "fact": Schema(type=[OpenAPIType.NUMBER, OpenAPIType.NULL]),
        "for": Schema(
            description="Spreads plan and fact over so long from `ts` on, a reading a minute: a duration of whole "
            "minutes, at most 31 days, like `15m`, `8h` or `PT8H`, or as a number of seconds.",
            type=[OpenAPIType.STRING, OpenAPIType.NUMBER, OpenAPIType.NULL],
        ),
    },
    additional_properties=True,
)
_EXAMPLES: dict[str, Example | Reference] = {
    "reading": Example(summary="A reading", value={"plan": 40, "fact": 38}),
    "array": Example(summary="A batch", value=[{"series": "line 1", "plan": 40, "fact": 41}, {"plan": 12}]),
    "shift": Example(
        summary="A shift's plan",
        value={"ts": "2026-01-31T06:00:00+01:00", "series": "line 1", "plan": 480, "for": "8h"},
    ),
}


READINGS: Final = RequestBody(
    required=True,
    content={
        "application/json": OpenAPIMediaType(
            schema=Schema(one_of=[READING_SCHEMA, Schema(type=OpenAPIType.ARRAY, items=READING_SCHEMA)]),
            examples=_EXAMPLES,
        ),
        "application/x-ndjson": OpenAPIMediaType(schema=TEXT, example='{"plan": 40}\n{"plan": 41}\n'),
        "text/csv": OpenAPIMediaType(schema=TEXT, example="series,plan,fact\nline 1,40,38\n"),
    },
)
"""A body of readings."""
LINES: Final = RequestBody(
    required=True,
    content={
        "text/plain": OpenAPIMediaType(
            schema=TEXT, example="reading,series=line\\ 1 plan=40,fact=38 1700000000000000000\n"
        )
    },
)
"""A body of line protocol."""
