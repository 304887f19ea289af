"""The key that a request or a handshake brings along, in all the ways in which clients send one.

- `Authorization: Bearer …` (RFC 6750), for most of them;
- `Authorization: Token …`, of InfluxDB 2 and 3, also as `Token user:…`;
- `Authorization: Basic …` (RFC 7617), with the key as the password, or as the user where there is no password;
- the parameters `u` and `p` of InfluxDB 1, at its addresses alone: addresses are written down in too many places;
- a subprotocol `taktline.key.…` of a WebSocket, since scripts in browsers can't set headers.

Who the user is doesn't matter: the key alone says it. Browsers have a session instead, in a cookie: see sign_in.py.
"""

import base64
import re
from typing import Final
from urllib.parse import parse_qs

from litestar.enums import ScopeType
from litestar.types import Scope

SESSION = "taktline_session"
"""The name of the cookie with a session."""
KEY_PROTOCOL = "taktline.key."
"""How the subprotocol begins that is a key."""
_SESSION = re.compile(rb"(?:^|;) *%b=([^;]*)" % SESSION.encode())
_WEBSOCKET: Final = ScopeType.WEBSOCKET
MAX_PARAMETERS = 100
"""Where an address has more parameters, no key is looked for among them."""
WITH_PASSWORD = frozenset({"/write", "/query", "/ping"})
"""The addresses of InfluxDB 1, at which the parameter `p` is a key."""


def headers_of(scope: Scope) -> tuple[bytes | None, bytes | None]:
    """The first `Authorization` of a request, and its `Cookie`; None where it has none. Both in one go, since every
    request is looked at."""
    cookie = None
    for name, value in scope["headers"]:
        if name == b"authorization":
            return value, None
        if name == b"cookie":
            cookie = value
    return None, cookie


def offered_key(scope: Scope, authorization: bytes | None) -> str | None:
    """The key, whether it is right or wrong; None where there is none."""
    if authorization is not None:
        return _from_header(authorization)
    if scope["type"] == _WEBSOCKET:
        return next((one[len(KEY_PROTOCOL) :] for one in scope["subprotocols"] if one.startswith(KEY_PROTOCOL)), None)
    if b"p=" in scope["query_string"] and scope.get("path_template") in WITH_PASSWORD:
        return _from_query(scope["query_string"].decode("latin-1"))
    return None


def session_in(cookie: bytes) -> str | None:
    """The session in a browser's cookies; None where there is none."""
    found = _SESSION.search(cookie)
    return None if found is None else found[1].decode("latin-1")


def _from_query(query: str) -> str | None:
    try:
        return parse_qs(query, max_num_fields=MAX_PARAMETERS).get("p", [None])[-1]
    except ValueError:
        return None


def _from_header(value: bytes) -> str | None:
    scheme, _, rest = value.decode("latin-1").partition(" ")
    rest = rest.strip()
    match scheme.lower():
        case "bearer":
            return rest
        case "token":
            return rest.rpartition(":")[2]
        case "basic":
            return _password(rest)
        case _:
            return None


def _password(encoded: str) -> str:
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:  # it isn't Base64, or not UTF-8
        return encoded  # which is no key either
    return password or user
