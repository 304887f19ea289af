"""Errors as RFC 9457 problem details, which are the same over HTTP and in a WebSocket frame."""

from http import HTTPStatus
from typing import Any

import msgspec

from service.errors import BadRequest, Forbidden, TaktlineError, Unauthorized, Unavailable, WrongKey
from service.languages.language import Language
from service.languages.sentence import translatable

MEDIA_TYPE = "application/problem+json"
BEARER = 'Bearer realm="taktline"'
"""The challenge of 401. Basic is understood as well, and isn't offered: browsers would ask for a password in a window
of their own, again and again, where a page has a better way."""

TITLES = (
    translatable("Bad Request"),
    translatable("Unauthorized"),
    translatable("Forbidden"),
    translatable("Not Found"),
    translatable("Method Not Allowed"),
    translatable("Request Timeout"),
    translatable("Upgrade Required"),
    translatable("Too Many Requests"),
    translatable("Internal Server Error"),
    translatable("Service Unavailable"),
)
"""What the errors are called that people see on pages and in pictures."""


def problem(error: TaktlineError) -> dict[str, Any]:
    """An object with type, title, status and detail, and errors: [{index, field, detail}] where single items are at
    fault; in English, for programs."""
    made = plain_problem(error.status, error.detail)
    if isinstance(error, BadRequest) and error.faults:
        made["errors"] = [{**msgspec.structs.asdict(one), "detail": str(one.detail)} for one in error.faults]
    return made


def plain_problem(status: int, detail: str) -> dict[str, Any]:
    """A problem with only a status and a sentence."""
    return {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": str(detail)}


def in_words(status: int, detail: str, language: Language) -> tuple[str, str]:
    """The title and the detail of a problem for people, as far as there are words for them in their language."""
    return language.gettext(HTTPStatus(status).phrase), language.say(detail)


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
