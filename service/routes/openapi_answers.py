"""What the OpenAPI document says of the answers of each operation: statuses, content types, headers. It is written by
hand, since the framework knows only what its own handlers return. tests/routes/test_described.py compares it with what
is answered."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from litestar.openapi.spec import (
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    Operation,
    Parameter,
    RequestBody,
    Schema,
)

from service.problems import MEDIA_TYPE
from service.routes.openapi_schemas import PROBLEM, TEXT, schema

OPEN: Final = (400, 421, 503)
"""The errors of every operation."""
READING: Final = (*OPEN, 401, 403, 429)
"""The errors of an operation that reads, for callers who may."""
WRITING: Final = (*READING, 413, 415, 422)
"""The errors of an operation that takes a body of readings."""
PROBLEMS: Final[dict[str, Schema | None]] = {MEDIA_TYPE: PROBLEM, "text/html": TEXT}
"""Errors as programs and as people see them."""
INFLUX_PROBLEMS: Final[dict[str, Schema | None]] = {"application/json": schema("object"), MEDIA_TYPE: PROBLEM}
"""Errors as clients of InfluxDB see them; as a problem where the request doesn't get as far as the operation."""
_MEANINGS = {
    400: "The request is wrong; the answer says what.",
    401: "A key is needed, or this one is wrong, was revoked or has expired.",
    403: "The key hasn't the scope that is needed, or doesn't cover the series; or another site's page sent this.",
    404: "There is no such page.",
    412: "The readings have changed since the tag in If-Match was given.",
    413: "The body is too large; send it in several requests.",
    415: "The content type or encoding isn't understood.",
    421: "The request is for a host that isn't this service.",
    422: "The readings break a rule, and none was written; or the batch id was used for others.",
    429: "Too many wrong keys, or too many readings, came from this address or by this key.",
    501: "The format needs a package that isn't installed on the server.",
    503: "This can't be done now; try again.",
}


def headers(**described: str) -> dict[str, Any]:
    """Text headers that an answer may have, with their descriptions; `_` in a name stands for `-`."""
    return _headers(described, required=False)


def _headers(described: dict[str, str], *, required: bool) -> dict[str, Any]:
    return {
        name.replace("_", "-"): OpenAPIHeader(description=text, schema=TEXT, required=required)
        for name, text in described.items()
    }


_RETRY = _headers({"Retry-After": "Seconds."}, required=True)
_MORE = {
    401: _headers({"WWW-Authenticate": "How a key is sent."}, required=True),
    429: _RETRY,
    503: _RETRY,
}
SIGN_IN: Final = OpenAPIResponse(
    description="For people: another address, of the same without empty parameters, or of where to sign in.",
    headers=_headers({"Location": "Where to go on."}, required=True),
)
"""The answer to browsers with 303."""


def response(description: str, content: Mapping[str, Schema | None], named: dict[str, Any] | None = None) -> Any:
    """An answer with one of these content types, each with its schema, and with these headers."""
    return OpenAPIResponse(description=description, content=_content(content), headers=named)


def answering(
    given: Mapping[int, OpenAPIResponse],
    errors: Iterable[int],
    content: Mapping[str, Schema | None] = PROBLEMS,
    named: Mapping[str, Any] | None = None,
    *,
    body: RequestBody | None = None,
    parameters: list[Parameter] | None = None,
) -> type[Operation]:
    """The class of an operation that answers as in `given`, or with one of these errors, which have this content and
    these headers. `body` and `parameters` stand for those of the handler."""
    refused = {
        status: OpenAPIResponse(
            description=_MEANINGS[status],
            content=_content(content),
            headers={**(named or {}), **_MORE.get(status, {})},
        )
        for status in errors
    }
    answers: dict[str, Any] = {str(status): one for status, one in sorted({**given, **refused}.items())}

    @dataclass
    class Described(Operation):
        def __post_init__(self) -> None:
            self.responses = answers
            if body is not None:
                self.request_body = body
            if parameters is not None:
                self.parameters = list(parameters)

    return Described


def _content(content: Mapping[str, Schema | None]) -> dict[str, OpenAPIMediaType]:
    return {media_type: OpenAPIMediaType(schema=one) for media_type, one in content.items()}
