"""Errors as RFC 9457 problem details, which are the same over HTTP and in a WebSocket frame."""

from http import HTTPStatus
from typing import Any

import msgspec

from service.errors import BadRequest, Forbidden, TaktlineError, Unauthorized, Unavailable, WrongKey

MEDIA_TYPE = "application/problem+json"
BEARER = 'Bearer realm="taktline"'
"""The challenge of 401. Basic is understood as well, and isn't offered: browsers would ask for a password in a window
of their own, again and again, where a page has a better way."""


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
    """Retry-After, where trying again makes sense, and WWW-Authenticate, where a key does (RFC 6750, section 3)."""
    match error:
        case Unavailable():
            return {"Retry-After": str(error.retry_after)}
        case WrongKey():
            return {"WWW-Authenticate": f'{BEARER}, error="invalid_token"'}
        case Unauthorized():
            return {"WWW-Authenticate": BEARER}
        case Forbidden():
            return {"WWW-Authenticate": f'{BEARER}, error="insufficient_scope"'}
        case _:
            return {}
