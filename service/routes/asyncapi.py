"""The AsyncAPI document of the WebSockets, beside the OpenAPI document of the rest:
https://www.asyncapi.com/docs/reference/specification/v3.0.0."""

from importlib.metadata import version
from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import Schema

from service.intake.reading import MAX_NAME
from service.routes.authentication import needs
from service.routes.credentials import KEY_PROTOCOL
from service.routes.openapi_access import SCHEMES
from service.routes.openapi_bodies import READING_SCHEMA
from service.routes.openapi_schemas import PROBLEM, WHOLE, an_object, schema
from service.routes.parameters import known_only
from service.routes.websocket_handshake import ADDRESSES, ENDED, LIVE, SUBPROTOCOL

ADDRESS = "/schema/asyncapi.json"
_ID = schema("string", min_length=1, max_length=MAX_NAME, description="The id of the batch.")
_BATCH = schema("array", items=READING_SCHEMA)
_ENVELOPE = an_object({"id": _ID, "readings": _BATCH}, additional_properties=False)
_WRITTEN = an_object({"ack": _ID, "written": WHOLE}, additional_properties=False)
_DUPLICATE = an_object({"ack": _ID, "duplicate": schema("boolean", const=True)}, additional_properties=False)
_ERROR = an_object({"error": PROBLEM, "id": Schema(description="As it was sent, of whatever type.")}, optional=("id",))
IN: dict[str, tuple[str, Schema]] = {
    "reading": ("A reading. Nothing is sent back for it, unless it is refused.", READING_SCHEMA),
    "batch": ("Readings that are written all or none; answered as a reading is.", _BATCH),
    "envelope": ("A batch that is answered after COMMIT. Sent again under its id, it is written once.", _ENVELOPE),
}
"""The frames that producers send, and their schemas."""
OUT: dict[str, tuple[str, Schema]] = {
    "written": ("An envelope is committed.", _WRITTEN),
    "duplicate": ("An envelope was committed before.", _DUPLICATE),
    "refused": ("A frame was refused; the connection goes on. `id` is that of an envelope.", _ERROR),
}
"""The frames that they are answered with."""
_EVENT = schema(
    "string",
    description="As server-sent events are written: lines `event: …` and `data: …`, whose data is JSON, and an empty "
    "line. `time` is the server's clock, `whole` all that the live page shows, `change` what is new in it, `board` a "
    "board, `beat` that there is nothing new, and `refused` a problem, after which the connection ends.",
)
_CLOSING = (
    "Close codes: 1008, what was sent took too long, or isn't allowed; 1009, a frame is too large; 1012, the service "
    f"is stopping, and what it accepted is acknowledged; 1013, too much is held; {ENDED[0]}, the key has ended."
)

_SUBPROTOCOL = {
    "type": "httpApiKey",
    "in": "header",
    "name": "Sec-WebSocket-Protocol",
    "description": f"For scripts in browsers: the subprotocol `{KEY_PROTOCOL}` with the key behind it.",
}


def asyncapi_route(root: str) -> HTTPRouteHandler:
    """The route of the document, for a service below a prefix."""

    @get(ADDRESS, include_in_schema=False, opt=needs())
    async def asyncapi(request: Request[Any, Any, Any]) -> dict[str, Any]:
        """The AsyncAPI document."""
        known_only(request, ())
        secure = request.scope["scheme"] == "https"
        return document(request.headers.get("host", "localhost"), root, secure=secure)

    return asyncapi


def document(host: str, root: str, *, secure: bool) -> dict[str, Any]:
    """The document of a service at this host, as plain values."""
    frames = {**IN, **OUT}
    producing = {
        name: _producers(path, frames) for name, path in zip(("readings", "readingsToo"), ADDRESSES, strict=True)
    }
    viewing = {
        "address": LIVE,
        "title": "The live page",
        "description": "What a live page or a board shows, whenever it changes. The parameters are those of GET /live.",
        "messages": {"event": _ref("components", "messages", "event")},
        "bindings": {"ws": {"method": "GET"}},
    }
    operations: dict[str, Any] = {"watch": {"action": "send", "channel": _ref("channels", "live")}}
    for name in producing:
        operations[f"send_{name}"] = {
            "action": "receive",
            "channel": _ref("channels", name),
            "summary": "Readings come in, as text (JSON) or binary (MessagePack or JSON) frames.",
            "messages": [_ref("channels", name, "messages", one) for one in IN],
            "reply": {
                "channel": _ref("channels", name),
                "messages": [_ref("channels", name, "messages", one) for one in OUT],
            },
        }
    messages = {name: _message(*described) for name, described in frames.items()}
    messages["event"] = _message("An event.", _EVENT, "text/plain")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Taktline",
            "version": version("taktline"),
            "description": "The WebSockets. The addresses for HTTP are in openapi.json beside this document.",
            "license": {"name": "MIT"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "here": {
                "host": host,
                "protocol": "wss" if secure else "ws",
                **({"pathname": root} if root else {}),
                "security": [_ref("components", "securitySchemes", name) for name in (*_schemes(), "subprotocol")],
            }
        },
        "channels": {**producing, "live": viewing},
        "operations": operations,
        "components": {"messages": messages, "securitySchemes": {**_schemes(), "subprotocol": _SUBPROTOCOL}},
    }


def _producers(path: str, frames: dict[str, Any]) -> dict[str, Any]:
    return {
        "address": path,
        "title": "Readings",
        "description": f"Readings in. Clients that offer subprotocols offer `{SUBPROTOCOL}`. {_CLOSING}",
        "messages": {name: _ref("components", "messages", name) for name in frames},
        "bindings": {"ws": {"method": "GET"}},
    }


def _message(summary: str, payload: Schema, content_type: str = "application/json") -> dict[str, Any]:
    return {"summary": summary, "contentType": content_type, "payload": payload.to_schema()}


def _schemes() -> dict[str, Any]:
    """The ways in which a key is sent, as the OpenAPI document has them."""
    schemes = SCHEMES.security_schemes or {}
    return {name: one.to_schema() for name, one in schemes.items() if not hasattr(one, "ref")}


def _ref(*path: str) -> dict[str, str]:
    return {"$ref": f"#/{'/'.join(path)}"}
