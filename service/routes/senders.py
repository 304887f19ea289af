"""The sender of a request or a WebSocket, and what it may do."""

from typing import Any

from litestar.connection import ASGIConnection

from service.access.callers import caller
from service.access.grants import NOBODY, Grant
from service.intake.gate import Sender

Connection = ASGIConnection[Any, Any, Any, Any]


def route_of(request: Connection) -> str:
    """The template of the request's address, as a label of counters. Unknown addresses have one label together, since
    there may be any number of them."""
    return request.scope.get("path_template") or "unknown"


def grant_of(request: Connection) -> Grant:
    """What the caller may do."""
    grant: Grant = request.scope.get("auth", NOBODY)
    return grant


def caller_of(request: Connection) -> str:
    """Who counts as one caller with this one, where the service is shared out."""
    return caller(grant_of(request), request.client.host if request.client else "")


def sender_of(request: Connection, transport: str | None = None) -> Sender:
    """The sender of a request, or of a connection if `transport` is given."""
    return Sender(transport or route_of(request), request.client.host if request.client else "", grant_of(request))
