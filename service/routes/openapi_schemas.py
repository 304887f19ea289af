"""Schemas of the OpenAPI document that are written by hand, since the service reads and answers much by itself."""

from typing import Any

from litestar.openapi.spec import Schema


def schema(kind: str | list[str], **more: Any) -> Schema:
    """The schema of a value of this type."""
    return Schema(type=kind, **more)  # type: ignore[arg-type]


def an_object(properties: dict[str, Schema], optional: tuple[str, ...] = (), **more: Any) -> Schema:
    """The schema of an object with these properties, of which those that aren't `optional` are always there."""
    required = [name for name in properties if name not in optional]
    return schema("object", properties=properties, required=required, **more)


TEXT = schema("string")
WHOLE = schema("integer", minimum=0)
INSTANT = schema("string", format="date-time")
NUMBER_OR_NULL = schema(["number", "null"])
FAULTS = schema("array", items=an_object({"index": WHOLE, "field": TEXT, "detail": TEXT}))
PROBLEM = an_object(
    {"type": TEXT, "title": TEXT, "status": WHOLE, "detail": TEXT, "errors": FAULTS},
    optional=("errors",),
    title="Problem",
    description="RFC 9457.",
)
RECORD = an_object(
    {
        "ts": INSTANT,
        "series": TEXT,
        "plan": NUMBER_OR_NULL,
        "fact": NUMBER_OR_NULL,
        "attributes": schema(["object", "null"]),
    },
    title="Record",
)
