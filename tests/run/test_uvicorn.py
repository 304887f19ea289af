"""The internals of uvicorn that our server and protocols rely on, one by one, so that a version of uvicorn without one
of them fails here first. They aren't documented; uvicorn's code shows what has replaced them."""

import ast
import asyncio
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.protocols.http import httptools_impl
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from service.run import http_limits, http_protocol, server, websocket_protocol

pytestmark = pytest.mark.anyio

SERVER = {"force_exit", "handle_exit", "serve", "server_state", "should_exit", "startup"}
STATE = {"connections", "tasks"}
HTTP = {
    "client", "cycle", "flow", "headers", "parser", "pipeline", "scope", "timeout_keep_alive_task", "transport", "url",
    "ws_protocol_class",
    "_start_asgi_task", "_unset_keepalive_if_required", "connection_lost", "connection_made", "data_received",
    "handle_websocket_upgrade", "on_body", "on_headers_complete", "on_message_complete", "on_response_complete",
    "pause_writing", "resume_writing", "send_400_response",
}  # fmt: skip
CYCLE = {
    "body", "chunked_encoding", "disconnected", "expected_content_length", "keep_alive", "message_event", "more_body",
    "response_complete", "response_started", "scope", "send", "transport", "waiting_for_100_continue",
}  # fmt: skip
FLOW = {"pause_reading", "read_paused", "write_paused"}
WEBSOCKET = {
    "client", "close_sent", "close_timer", "conn", "disconnected", "frames", "handshake_complete",
    "handshake_initiated", "loop", "ping_timeout", "queue", "read_paused", "response", "transport", "writable",
    "connection_lost", "connection_made", "data_received", "eof_received", "handle_connect", "handle_cont",
    "handle_parser_exception", "handle_ping", "keepalive_timeout", "on_task_complete", "pause_writing", "receive",
    "resume_writing", "schedule_ping", "send", "send_keepalive_ping",
}  # fmt: skip
CONNECTION = {
    "close_sent", "current_size", "data_to_send", "fail", "handshake_exc", "parser_exc", "reader", "reject",
}  # fmt: skip
READER = {"buffer", "discard"}
"""These two are of the library websockets, whose protocol uvicorn uses; its documentation has most of them."""
CALLED = {
    # methods in which uvicorn calls what ours replaces
    (uvicorn.Server, "capture_signals"): "self.handle_exit",
    (uvicorn.Server, "_serve"): "self.startup(",
    (uvicorn.Server, "main_loop"): "self.on_tick(",
    (uvicorn.Server, "on_tick"): "self.should_exit",
    (uvicorn.Server, "_wait_tasks_to_complete"): "not self.force_exit",
    (uvicorn.Server, "shutdown"): "connection.shutdown()",
    (HttpToolsProtocol, "on_headers_complete"): "self._start_asgi_task(",
    (HttpToolsProtocol, "on_message_begin"): "self.scope = {",
    (HttpToolsProtocol, "on_response_complete"): "self.pipeline.pop()",
    (RequestResponseCycle, "receive"): "self.flow.resume_reading()\n            await self.message_event.wait()",
    (HttpToolsProtocol, "handle_websocket_upgrade"): "self.ws_protocol_class(",
    (WebSocketsSansIOProtocol, "handle_events"): "self.handle_connect(",
    (WebSocketsSansIOProtocol, "send_receive_event_to_app"): "self.transport.pause_reading()",
    (WebSocketsSansIOProtocol, "receive"): "self.transport.resume_reading()",
    (WebSocketsSansIOProtocol, "run_asgi"): "self.receive",
    (WebSocketsSansIOProtocol, "handle_cont"): "self.frames.append(",
    (WebSocketsSansIOProtocol, "handle_connect"): "self.on_task_complete",
    (WebSocketsSansIOProtocol, "data_received"): "self.handle_parser_exception(",
    (WebSocketsSansIOProtocol, "schedule_ping"): "self.send_keepalive_ping",
}  # fmt: skip


async def app(scope: Any, receive: Any, send: Any) -> None:
    """An application that is never called."""


def there() -> dict[str, tuple[object, set[str]]]:
    """By name, an object as uvicorn creates it, and its attributes that we use."""
    config = uvicorn.Config(app, lifespan="off")
    config.load()
    state = ServerState()
    http = HttpToolsProtocol(config, state, {}, asyncio.get_running_loop())
    websocket = WebSocketsSansIOProtocol(config, state, {}, asyncio.get_running_loop())
    flow = FlowControl(asyncio.Transport())
    cycle = RequestResponseCycle(
        {}, asyncio.Transport(), flow, http.logger, http.logger, False, [], asyncio.Event(), False, True, lambda: None  # type: ignore[typeddict-item]
    )  # fmt: skip
    return {
        "uvicorn.Server": (uvicorn.Server(config), SERVER),
        "ServerState": (state, STATE),
        "HttpToolsProtocol": (http, HTTP),
        "RequestResponseCycle": (cycle, CYCLE),
        "FlowControl": (flow, FLOW),
        "WebSocketsSansIOProtocol": (websocket, WEBSOCKET),
        "ServerProtocol": (websocket.conn, CONNECTION),
        "StreamReader": (websocket.conn.reader, READER),
    }


async def test_uvicorn_has_all_that_is_relied_on() -> None:
    later = {
        "HttpToolsProtocol": {"url": "on_message_begin"},
        "WebSocketsSansIOProtocol": {"response": "handle_connect"},
    }
    for name, (thing, used) in there().items():
        for attribute in sorted(used):
            maker = later.get(name, {}).get(attribute)  # some attributes are only set with the first request
            found = hasattr(thing, attribute) or (maker and f"self.{attribute} = " in _source(type(thing), maker))
            assert found, f"uvicorn {uvicorn.__version__}: {name} has no {attribute!r} any more, which we use"


def test_uvicorn_calls_what_ours_takes_the_place_of() -> None:
    for (kind, method), call in CALLED.items():
        text = _source(kind, method)
        assert call in text, f"uvicorn {uvicorn.__version__}: {kind.__name__}.{method} has no {call!r} any more"


def test_nothing_else_is_relied_on() -> None:
    """This shows that the lists above are complete."""
    assert set(_used(server, "Server", "self")) == SERVER
    http = {*_used(http_limits, "LimitedHttp", "self"), *_used(http_protocol, "HttpProtocol", "self")}
    assert http - _own(http_limits, "LimitedHttp") == HTTP
    assert set(_used(websocket_protocol, "WebSocketProtocol", "self")) == WEBSOCKET
    assert {*_used(http_limits, None, "cycle"), *_used(http_protocol, None, "cycle")} == CYCLE
    assert {*_used(http_limits, None, "flow"), *_used(http_protocol, None, "flow")} == FLOW
    assert set(_used(websocket_protocol, None, "conn")) == CONNECTION
    assert set(_used(websocket_protocol, None, "reader")) == READER
    assert set(_used(server, None, "server_state")) == STATE
    assert "RequestResponseCycle(" in inspect.getsource(httptools_impl.HttpToolsProtocol.on_headers_complete)


def _source(kind: type, method: str) -> str:
    made = getattr(kind, method, None)
    return inspect.getsource(made) if made is not None else ""


def _used(module: Any, class_name: str | None, variable: str) -> Iterator[str]:
    """The attributes of `variable` and the overridden methods, except for our own."""
    tree: ast.AST = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    own: set[str] = set()
    if class_name is not None:
        [tree] = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == class_name]
        [base] = getattr(module, class_name).__bases__
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node in tree.body:
                if hasattr(base, node.name) and node.name != "__init__":
                    yield node.name
                else:
                    own.add(node.name)
        own |= _assigned(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _last_name(node.value) == variable and node.attr not in own:
            yield node.attr


def _own(module: Any, class_name: str) -> set[str]:
    """The methods and attributes of a class of ours that uvicorn's class doesn't have."""
    kind = getattr(module, class_name)
    [base] = kind.__bases__
    [tree] = [node for node in ast.walk(ast.parse(inspect.getsource(kind))) if isinstance(node, ast.ClassDef)]
    return _assigned(tree) | {name for name in vars(kind) if not hasattr(base, name)}


def _last_name(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def _assigned(tree: ast.AST) -> set[str]:
    """The attributes that are set first where a connection begins."""
    beginnings = ("__init__", "connection_made")
    found = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name in beginnings]
    replaced = ("flow", "ping_timeout")  # attributes of uvicorn's
    return {
        node.attr
        for beginning in found
        for node in ast.walk(beginning)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr not in replaced
    }
