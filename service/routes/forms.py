"""Turns what browsers send for a form into a plain address."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from litestar import Request, Response

from service.errors import Fault
from service.languages.language import Language
from service.languages.sentence import Sentence
from service.period.times import NOT_A_TIME

PICKED = {"from_at": "from", "until_at": "until"}
"""The calendar fields of a form, each with the parameter that it sets."""


def tidied(
    request: Request[Any, Any, Any],
    path: str,
    fields: Sequence[str],
    picked: Mapping[str, str] | None = None,
    instead: Mapping[str, Sequence[str]] | None = None,
) -> Response[Any] | None:
    """A redirect to the same page at its plain address; None where the request has that address already.

    Without scripts a browser sends every field of a form, including empty ones and both the calendars and the text
    fields that they belong to. Calendars are empty at first, so a date in a calendar is newer than the text. `instead`
    has, for fields that are chosen instead of others, the names of those, which are left out.
    """
    picked = picked or {}
    # as a list, to keep their order
    given = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    filled = {name for name, value in given if value.strip()}
    moot = {other for name, others in (instead or {}).items() if name in filled for other in others}
    chosen = {picked[name]: value.replace("T", " ") for name, value in given if name in picked and value}
    chosen = {name: value for name, value in chosen.items() if name not in moot}
    plain = [(name, value) for name, value in given if value.strip() or name not in (*fields, *picked)]
    plain = [(name, value) for name, value in plain if name not in moot]
    plain = [(name, value) for name, value in plain if name not in (*picked, *chosen)]
    plain += chosen.items()
    if plain == given:
        return None
    headers = {
        "Location": f"{path}?{urlencode(plain)}" if plain else path,
        "Cache-Control": "no-cache",
        "Vary": "Accept",
    }
    return Response(None, status_code=303, headers=headers)


def message_beside(fault: Fault, language: Language) -> str:
    """The message beside a field. For times it shows the usual ways to write them instead of all; live.js does the
    same."""
    detail = fault.detail
    if isinstance(detail, Sentence) and detail.template == NOT_A_TIME:
        wrong = language.gettext("%(value)s isn't a time.", value=detail.values["value"])
        return f"{wrong} {language.gettext('Write it like 2026-01-31 14:05, -2h, yesterday or 6pm friday.')}"
    return f"{language.say(detail)}."
