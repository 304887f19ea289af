"""`/sign-in` and `/sign-out`: a browser exchanges a key for a session, since pages can't send headers.

The session is a cookie that scripts can't read (HttpOnly), that pages of other sites can't make a browser send
(SameSite=Strict), and that goes over TLS alone where the service is reached so (Secure). It isn't the key.
"""

import re
import time
from typing import Annotated, Any
from urllib.parse import parse_qs

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import QueryParameter

from service.access.guesses import Guesses
from service.access.keyring import Keyring
from service.access.signatures import Signatures, Signed
from service.errors import TaktlineError, TooLarge, TooManyGuesses, WrongKey
from service.intake.bodies import too_large
from service.metrics import Metrics
from service.problems import headers
from service.routes.authentication import needs
from service.routes.credentials import SESSION
from service.routes.html_pages import Pages
from service.routes.senders import grant_of

LONGEST = 30 * 86_400
"""Seconds that a session holds, if its key holds as long."""
MAX_FORM = 16 * 1024
"""The most bytes of the form."""
ADDRESS = "/sign-in"
HEADERS = {"Cache-Control": "no-store"}
_LOCAL = re.compile(r"/(?![/\\])[\x21-\x7e]*")
"""A path of ours: what begins with two slashes is another host."""


def sign_in_routes(
    keyring: Keyring, signatures: Signatures, guesses: Guesses, pages: Pages, metrics: Metrics
) -> list[HTTPRouteHandler]:
    def page(request: Request[Any, Any, Any], onward: str, wrong: TaktlineError | None = None) -> Response[Any]:
        grant, speaks = grant_of(request), pages.speaking(request)
        name = grant.name if grant.key is not None else ""
        values: dict[str, object] = {"onward": onward, "notice": wrong.detail if wrong else "", "name": name}
        told = {**HEADERS, **(headers(wrong) if wrong else {})}
        return pages.render("sign_in.html", values, speaks, told, wrong.status if wrong else 200)

    @get(ADDRESS, include_in_schema=False, opt=needs())
    async def form(
        request: Request[Any, Any, Any], onward: Annotated[str, QueryParameter(name="next")] = "/"
    ) -> Response[Any]:
        """The form; for who is signed in, by which key."""
        return page(request, _local(onward))

    @post(ADDRESS, include_in_schema=False, opt=needs(), status_code=303)
    async def sign_in(request: Request[Any, Any, Any]) -> Response[Any]:
        """Exchange a key for a session, and go on to where a key was needed."""
        given = await _fields(request)
        key, onward = given.get("key", "").strip(), _local(given.get("next", "/"))
        grant = keyring.find(key)
        if grant is None or grant.key is None:
            seconds = guesses.wrong(request.client.host if request.client else "")
            wrong: TaktlineError = TooManyGuesses(seconds) if seconds else WrongKey()
            metrics.refused(ADDRESS, wrong.reason)
            return page(request, onward, wrong)
        until = int(time.time()) + LONGEST
        return _onward(request, pages.at(onward), signatures.session(Signed(grant.key, until)), LONGEST)

    @post("/sign-out", include_in_schema=False, opt=needs(), status_code=303)
    async def sign_out(request: Request[Any, Any, Any]) -> Response[Any]:
        """Forget the session."""
        return _onward(request, pages.at(pages.speaking_anyhow(request).keep(ADDRESS)), "", 0)

    def _onward(request: Request[Any, Any, Any], address: str, session: str, seconds: int) -> Response[Any]:
        secure = "; Secure" if request.scope["scheme"] == "https" else ""
        cookie = f"{SESSION}={session}; Path={pages.at('/')}; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}"
        return Response(None, status_code=303, headers={**HEADERS, "Location": address, "Set-Cookie": cookie})

    return [form, sign_in, sign_out]


async def _fields(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The fields of the form, each once."""
    text = b""
    async for piece in request.stream():
        text += piece
        if len(text) > MAX_FORM:
            raise too_large(MAX_FORM)
    try:
        given = parse_qs(text.decode("utf-8", "replace"), max_num_fields=10)
        return {name: values[-1] for name, values in given.items()}
    except ValueError as exc:
        raise TooLarge("The form has more fields than it should.") from exc


def _local(address: str) -> str:
    """The address, if it is one of ours: nobody is sent elsewhere after signing in."""
    return address if _LOCAL.fullmatch(address) else "/"
