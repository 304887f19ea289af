"""Finds out who a caller is, and whether it may do what the address is for, before anything of a body is read.

Each route says which scopes it needs, in `opt=needs(…)`; one that says nothing needs a key for everything. What the
caller may do is then in `scope["auth"]`, as a Grant. It is a middleware of its own and no guard of the framework,
because that copies the route's handler for each request: see docs/decisions/no-guards.md.
"""

from typing import Any, Final

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from service.access.grants import NOBODY, Grant
from service.access.grants import Scope as AccessScope
from service.access.guesses import Guesses
from service.access.keyring import Keyring
from service.access.signatures import Signatures, unsigned
from service.errors import Forbidden, TaktlineError, TooManyGuesses, Unauthorized, WrongKey
from service.languages.sentence import sentence
from service.metrics import Metrics
from service.routes.credentials import headers_of, offered_key, session_in
from service.routes.websocket_handshake import LIVE, refuse

NEEDS = "needs"
SIGNED_ADDRESS = "/chart"
"""The address to which links can be signed."""
MAX_RECENT = 1000
"""The most headers with right keys that are remembered."""
MAX_HEADER = 500
"""The most bytes of such a header."""
# looking up a member of an Enum costs as much as all else here
_HTTP: Final = ScopeType.HTTP
_UNSAID = (AccessScope.ADMIN,)


def needs(*scopes: AccessScope) -> dict[str, Any]:
    """The options of a route that is for callers with any of these scopes; without scopes, for everybody."""
    return {NEEDS: scopes}


def needed_by(handler: Any) -> tuple[AccessScope, ...]:
    """The scopes of which a caller must have one."""
    scopes: tuple[AccessScope, ...] = handler.opt.get(NEEDS, _UNSAID)
    return scopes


class Authentication:
    """Lets callers pass who may do what the route is for, and refuses the others."""

    def __init__(
        self, app: ASGIApp, keyring: Keyring, signatures: Signatures, guesses: Guesses, metrics: Metrics
    ) -> None:
        self._app, self._keyring, self._signatures = app, keyring, signatures
        self._guesses, self._metrics = guesses, metrics
        self._recent: dict[bytes, int] = {}
        """The ids of the keys in headers that were right."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["user"], scope["auth"] = None, NOBODY
        needed = needed_by(scope["route_handler"])
        if scope["type"] == _HTTP and scope["method"] == "OPTIONS":
            needed = ()  # what methods there are is told to everybody
        try:
            scope["auth"] = self._admit(scope, needed)
        except TaktlineError as refusal:
            if scope["type"] == _HTTP:
                raise  # it is answered and counted like every other error
            await refuse(send, self._metrics, refusal, LIVE if scope["path"] == LIVE else "websocket")
            return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope, needed: tuple[AccessScope, ...]) -> Grant:
        """What the caller may do. Raises Unauthorized, Forbidden or TooManyGuesses where that isn't enough."""
        link = _taken_link(scope) if b"sig=" in scope["query_string"] else None
        authorization, cookie = headers_of(scope)
        grant = self._known(authorization)
        if grant is None:
            key = offered_key(scope, authorization)
            grant = self._without_key(cookie, link) if key is None else self._by_key(key, authorization)
        if grant is None:  # a wrong key, which does no harm where no key is needed
            grant = self._keyring.anonymous
            if needed and not self._keyring.is_open:
                raise self._wrong(scope)
        if needed and not grant.may_any(needed):
            wanted = " or ".join(one.value for one in needed)
            if grant.key is None:
                raise Unauthorized(sentence("This needs a key with the scope %(scope)s.", scope=wanted))
            lacking = {"name": repr(grant.name), "scope": wanted}
            raise Forbidden(sentence("The key %(name)s has not the scope %(scope)s, which this needs.", **lacking))
        return grant

    def _known(self, authorization: bytes | None) -> Grant | None:
        """What was found for this header before, if its key still holds: reading and hashing it costs more than
        everything else here."""
        key = None if authorization is None else self._recent.get(authorization)
        return None if key is None else self._keyring.find_by_id(key)

    def _by_key(self, key: str, authorization: bytes | None) -> Grant | None:
        grant = self._keyring.find(key)
        if grant is not None and grant.key is not None and authorization is not None:
            if len(self._recent) >= MAX_RECENT:
                self._recent.clear()
            if len(authorization) <= MAX_HEADER:  # the user in it may be as long as a head
                self._recent[authorization] = grant.key
        return grant

    def _without_key(self, cookie: bytes | None, link: str | None) -> Grant:
        """What a caller may do by its session, otherwise by a signed link, otherwise as everybody may."""
        if cookie is not None and (text := session_in(cookie)) is not None:
            session = self._signatures.read_session(text)
            if session is not None and not session.has_ended:
                grant = self._keyring.find_by_id(session.key)
                if grant is not None:
                    return grant
        everybody = self._keyring.anonymous
        return everybody if link is None or everybody.may(AccessScope.READ) else self._by_link(link)

    def _by_link(self, query: str) -> Grant:
        link = self._signatures.read_link(query)
        if link is None:
            raise Forbidden(sentence("This link isn't as it was signed: something in it was changed or left out."))
        if link.has_ended:
            raise Forbidden(sentence("This link has expired."))
        grant = self._keyring.find_by_id(link.key)
        if grant is None:
            raise Forbidden(sentence("The key that signed this link was revoked, or has expired."))
        return msgspec.structs.replace(grant, scopes=grant.scopes & {AccessScope.READ})

    def _wrong(self, scope: Scope) -> TaktlineError:
        client = scope["client"]
        seconds = self._guesses.wrong(client[0] if client else "")
        return TooManyGuesses(seconds) if seconds else WrongKey()


def _taken_link(scope: Scope) -> str | None:
    """The parameters of a signed link to a chart, by which it is signed; these are taken away for the route, which
    knows nothing of them. None where the address isn't signed."""
    if scope.get("path_template") != SIGNED_ADDRESS:
        return None
    query = scope["query_string"].decode("latin-1")
    rest = unsigned(query)
    if rest is None:
        return None
    scope["query_string"] = rest.encode("latin-1")
    return query
