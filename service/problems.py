"""Errors as RFC 9457 problem details, which are the same over HTTP and in a WebSocket frame."""

from http import HTTPStatus
from typing import Any

import msgspec

from service.errors import BadRequest, TaktlineError, Unavailable

MEDIA_TYPE = "application/problem+json"


def problem(error: TaktlineError) -> dict[str, Any]:
    """An object with type, title, status and detail, and errors: [{index, field, detail}] where single items are at
    fault."""
    made = plain_problem(error.status, error.detail)
    if isinstance(error, BadRequest) and error.faults:
        made["errors"] = [msgspec.to_builtins(fault) for fault in error.faults]
    return made


def plain_problem(status: int, detail: str) -> dict[str, Any]:
    """A problem with only a status and a sentence."""
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}


def headers(error: TaktlineError) -> dict[str, str]:
    """The header Retry-After, where trying again makes sense."""
    return {"Retry-After": str(error.retry_after)} if isinstance(error, Unavailable) else {}
