"""Answers like those of InfluxDB's versions 1, 2 and 3: headers and errors."""

from collections.abc import Mapping
from typing import Any, Literal

from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException
from litestar.types import ExceptionHandlersMap

from service.errors import TaktlineError, Unauthorized
from service.intake.bodies import too_large
from service.intake.formats.line_protocol import BadLine
from service.metrics import Metrics
from service.problems import headers
from service.routes.senders import route_of

Version = Literal[1, 2, 3]
HEADERS = {"X-Influxdb-Version": "2.7.0-taktline", "X-Influxdb-Build": "Taktline"}
"""The version that the service behaves like, which some clients check before they write."""
CODES = {
    400: "invalid",
    401: "unauthorized",
    403: "forbidden",
    404: "not found",
    405: "method not allowed",
    413: "request too large",
    415: "unsupported media type",
    422: "unprocessable entity",
    429: "too many requests",
    503: "unavailable",
}
"""Version 2's error codes, by HTTP status."""
BASIC = {"WWW-Authenticate": 'Basic realm="taktline", charset="UTF-8"'}
"""The challenge of version 1."""
MAX_HEADER = 400
"""The most characters of an error message in a header."""


def handlers(version: Version, metrics: Metrics, max_body: int) -> ExceptionHandlersMap:
    """Handlers that answer errors as this version of InfluxDB does, and count them."""

    def refuse(request: Request[Any, Any, Any], error: TaktlineError) -> Response[dict[str, Any]]:
        times = error.dropped if isinstance(error, BadLine) else 1
        metrics.refused(route_of(request), error.reason, times)
        extra = BASIC if version == 1 and isinstance(error, Unauthorized) else headers(error)
        return _answer(error.status, _body(version, error), extra)

    def http_problem(request: Request[Any, Any, Any], error: HTTPException) -> Response[dict[str, Any]]:
        if error.status_code == 413:
            return refuse(request, too_large(max_body))
        metrics.refused(route_of(request), f"http_{error.status_code}")
        return _answer(error.status_code, _plain(version, error.status_code, error.detail), error.headers or {})

    return {TaktlineError: refuse, HTTPException: http_problem}


def _body(version: Version, error: TaktlineError) -> dict[str, Any]:
    if version == 3 and isinstance(error, BadLine):
        return _bad_line(error)
    body = _plain(version, error.status, error.detail)
    if version == 2 and isinstance(error, BadLine):
        body["line"] = error.line
    return body


def _plain(version: Version, status: int, detail: str) -> dict[str, Any]:
    said = str(detail)
    return {"code": _code(status), "message": said} if version == 2 else {"error": said}


def _bad_line(error: BadLine) -> dict[str, Any]:
    """One of the two errors that clients of version 3 recognise by their text: a list of lines that were left out or,
    where nothing was written, the line at fault."""
    why = f"{error.why} (the first of {error.dropped:,} such lines)" if error.dropped > 1 else error.why
    item = {"original_line": error.text, "line_number": error.line, "error_message": why}
    if error.partial:
        return {"error": "partial write of line protocol occurred", "data": [item]}
    return {"error": "parsing failed for write_lp endpoint", "data": item}


def _answer(status: int, body: dict[str, Any], extra: Mapping[str, str]) -> Response[dict[str, Any]]:
    errors = {
        "X-Influxdb-Error": _one_line(body.get("error") or body["message"]),
        "X-Platform-Error-Code": _code(status),
    }
    return Response(body, status_code=status, media_type=MediaType.JSON, headers={**HEADERS, **errors, **dict(extra)})


def _code(status: int) -> str:
    return CODES.get(status, "internal error")


def _one_line(text: str) -> str:
    """The text in one line of ASCII, as headers allow it."""
    shown = text.encode("ascii", "replace").decode()
    return "".join(char if char.isprintable() else " " for char in shown)[:MAX_HEADER]
