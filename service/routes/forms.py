"""What a browser sends for a form of ours, and the address that it stands for."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode

from litestar import Request, Response

PICKED = {"from_at": "from", "until_at": "until"}
"""Fields of calendars, by the parameter for which they are another way to give it."""


def tidied(
    request: Request[Any, Any, Any], path: str, fields: Sequence[str], picked: Mapping[str, str] | None = None
) -> Response[Any] | None:
    """The way to the same page by its plain address; None where it was asked for by that.

    A browser without scripts sends every field of a form, empty ones as well, and what was picked from a calendar
    beside what was typed. A calendar is empty at first, so what was picked there is newer than what was typed.
    """
    picked = picked or {}
    given = parse_qsl(request.scope["query_string"].decode("latin-1"), keep_blank_values=True)  # in their order
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
