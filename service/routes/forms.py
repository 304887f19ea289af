"""Turns what browsers send for a form into a plain address."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from litestar import Request, Response

PICKED = {"from_at": "from", "until_at": "until"}
"""The calendar fields of a form, each with the parameter that it sets."""


def tidied(
    request: Request[Any, Any, Any], path: str, fields: Sequence[str], picked: Mapping[str, str] | None = None
) -> Response[Any] | None:
    """A redirect to the same page at its plain address; None where the request has that address already.

    Without scripts a browser sends every field of a form, including empty ones and both the calendars and the text
    fields that they belong to. Calendars are empty at first, so a date in a calendar is newer than the text.
    """
    picked = picked or {}
    # as a list, to keep their order
    given = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)
    chosen = {picked[name]: value.replace("T", " ") for name, value in given if name in picked and value}
    plain = [(name, value) for name, value in given if value.strip() or name not in (*fields, *picked)]
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
