"""Who sends, as far as HTTP and its WebSockets tell."""

from typing import Any

from litestar.connection import ASGIConnection

from service.intake.gate import Sender

Connection = ASGIConnection[Any, Any, Any, Any]


def route_of(request: Connection) -> str:
    """The template of the address, by which requests are counted: of addresses that aren't there is no end."""
    return request.scope.get("path_template") or "unknown"


def sender_of(request: Connection, transport: str | None = None) -> Sender:
    """The sender of a request, or of a connection by this transport."""
    return Sender(transport or route_of(request), request.client.host if request.client else "")
