"""Answers only requests that are meant for this service, by their `Host`."""

import msgspec
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Receive, Scope, Send

from service.access.hosts import Hosts
from service.errors import BadHost, TaktlineError, WrongHost, quoted
from service.metrics import Metrics
from service.problems import MEDIA_TYPE, problem
from service.routes.websocket_handshake import refuse


def at_hosts(app: ASGIApp, hosts: Hosts, metrics: Metrics) -> ASGIApp:
    """The application for these hosts. Without a host, which HTTP/1.1 needs, with two, or with what is none, the answer
    is 400 (RFC 9112, 3.2); for another host it is 421 (RFC 9110, 15.5.20)."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        error = _refusal(hosts, scope)
        if error is None:
            await app(scope, receive, send)
        elif scope["type"] == ScopeType.WEBSOCKET:
            await refuse(send, metrics, error)
        else:
            metrics.refused("http", error.reason)
            await _answer(send, error)

    return answer


def _refusal(hosts: Hosts, scope: Scope) -> TaktlineError | None:
    given = [value for name, value in scope["headers"] if name == b"host"]
    if not given and scope["http_version"] == "1.0":
        return None  # a browser would send it
    if len(given) != 1:
        return BadHost(f"A request has one Host header; this one has {len(given) or 'none'}.")
    host = given[0].decode("latin-1")
    try:
        allowed = hosts.allow(host)
    except ValueError:
        return BadHost(f"The Host header, {quoted(host)}, isn't a host.")
    return (
        None if allowed else WrongHost(f"Nothing is served as {quoted(host)}; ALLOWED_HOSTS names the hosts that are.")
    )


async def _answer(send: Send, error: TaktlineError) -> None:
    body = msgspec.json.encode(problem(error))
    named = {"content-type": MEDIA_TYPE, "content-length": str(len(body)), "cache-control": "no-store"}
    headers = [(name.encode(), value.encode()) for name, value in named.items()]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
