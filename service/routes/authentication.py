"""Finds out who a caller is, and whether it may do what the address is for, before anything of a body is read.

Each route says which scopes it needs, in `opt=needs(…)`; one that says nothing needs a key for everything. What the
caller may do is then in `scope["auth"]`, as a Grant. It is a middleware of its own and no guard of the framework,
because that copies the route's handler for each request: see docs/decisions/no-guards.md.
"""

from typing import Any

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from service.access.grants import NOBODY, Grant
from service.access.grants import Scope as AccessScope
from service.access.guesses import Guesses
from service.access.keyring import Keyring
from service.access.signatures import Signatures, unsigned
from service.errors import Forbidden, TaktlineError, TooManyGuesses, Unauthorized, WrongKey
from service.metrics import Metrics
from service.routes.credentials import offered_key, offered_session
from service.routes.websocket_handshake import LIVE, refuse

NEEDS = "needs"
SIGNED_ADDRESS = "/chart"
"""The address to which links can be signed."""
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

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["user"], scope["auth"] = None, NOBODY
        asks_for_methods = scope["type"] == ScopeType.HTTP and scope["method"] == "OPTIONS"
        needed = () if asks_for_methods else needed_by(scope["route_handler"])
        try:
            scope["auth"] = self._admit(scope, needed)
        except TaktlineError as refusal:
            if scope["type"] == ScopeType.HTTP:
                raise  # it is answered and counted like every other error
            await refuse(send, self._metrics, refusal, LIVE if scope["path"] == LIVE else "websocket")
            return
        await self._app(scope, receive, send)

    def _admit(self, scope: Scope, needed: tuple[AccessScope, ...]) -> Grant:
        """What the caller may do. Raises Unauthorized, Forbidden or TooManyGuesses where that isn't enough."""
        key, link = offered_key(scope), _taken_link(scope)
        grant = self._without_key(scope, link) if key is None else self._keyring.find(key)
        if grant is None:  # a wrong key, which does no harm where no key is needed
            grant = self._keyring.anonymous
            if needed and not self._keyring.is_open:
                raise self._wrong(scope)
        if needed and grant.scopes.isdisjoint(needed):
            wanted = " or ".join(one.value for one in needed)
            if grant.key is None:
                raise Unauthorized(f"This needs a key with the scope {wanted}.")
            raise Forbidden(f"The key {grant.name!r} has not the scope {wanted}, which this needs.")
        return grant

    def _without_key(self, scope: Scope, link: str | None) -> Grant:
        """What a caller may do by its session, otherwise by a signed link, otherwise as everybody may."""
        if (text := offered_session(scope)) is not None:
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
            raise Forbidden("This link isn't as it was signed: something in it was changed or left out.")
        if link.has_ended:
            raise Forbidden("This link has expired.")
        grant = self._keyring.find_by_id(link.key)
        if grant is None:
            raise Forbidden("The key that signed this link was revoked, or has expired.")
        return msgspec.structs.replace(grant, scopes=grant.scopes & {AccessScope.READ})

    def _wrong(self, scope: Scope) -> TaktlineError:
        client = scope["client"]
        seconds = self._guesses.wrong(client[0] if client else "")
        return TooManyGuesses(seconds) if seconds else WrongKey()


def _taken_link(scope: Scope) -> str | None:
    """The parameters of a signed link to a chart, by which it is signed; these are taken away for the route, which
    knows nothing of them. None where the address isn't signed."""
    if b"sig=" not in scope["query_string"] or scope.get("path_template") != SIGNED_ADDRESS:
        return None
    query = scope["query_string"].decode("latin-1")
    rest = unsigned(query)
    if rest is None:
        return None
    scope["query_string"] = rest.encode("latin-1")
    return query
