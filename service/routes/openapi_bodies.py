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

_READING = Schema(
    title="Reading",
    type=OpenAPIType.OBJECT,
    description="Any other key is kept as an attribute, unless it is one of these in capitals.",
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
    },
    additional_properties=True,
)
_EXAMPLES: dict[str, Example | Reference] = {
    "reading": Example(summary="A reading", value={"plan": 40, "fact": 38}),
    "array": Example(summary="A batch", value=[{"series": "line 1", "plan": 40, "fact": 41}, {"plan": 12}]),
}


READINGS: Final = RequestBody(
    required=True,
    content={
        "application/json": OpenAPIMediaType(
            schema=Schema(one_of=[_READING, Schema(type=OpenAPIType.ARRAY, items=_READING)]), examples=_EXAMPLES
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
