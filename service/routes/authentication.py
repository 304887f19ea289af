"""Finds out who a caller is, and whether it may do what the address is for, before anything of a body is read.

Each route says which scopes it needs, in `opt=needs(…)`; one that says nothing needs a key for everything. What the
caller may do is then in `scope["auth"]`, as a Grant. It is a middleware of its own and no guard of the framework,
because that copies the route's handler for each request: see docs/decisions/no-guards.md.
"""

from typing import Any

from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from service.access.grants import NOBODY, Grant
from service.access.grants import Scope as AccessScope
from service.access.guesses import Guesses
from service.access.keyring import Keyring
from service.errors import Forbidden, TaktlineError, TooManyGuesses, Unauthorized, WrongKey
from service.metrics import Metrics
from service.routes.credentials import offered_key
from service.routes.websocket_handshake import LIVE, refuse

NEEDS = "needs"
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

    def __init__(self, app: ASGIApp, keyring: Keyring, guesses: Guesses, metrics: Metrics) -> None:
        self._app, self._keyring, self._guesses, self._metrics = app, keyring, guesses, metrics

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
        key = offered_key(scope)
        grant = self._keyring.anonymous if key is None else self._keyring.find(key)
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

    def _wrong(self, scope: Scope) -> TaktlineError:
        client = scope["client"]
        seconds = self._guesses.wrong(client[0] if client else "")
        return TooManyGuesses(seconds) if seconds else WrongKey()
