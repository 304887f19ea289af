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

from service.run import http_protocol, server, websocket_protocol

pytestmark = pytest.mark.anyio

SERVER = {"force_exit", "handle_exit", "serve", "server_state", "should_exit", "startup"}
STATE = {"connections", "tasks"}
HTTP = {
    "cycle", "flow", "headers", "parser", "scope", "transport", "url",
    "_start_asgi_task", "_unset_keepalive_if_required", "data_received", "handle_websocket_upgrade",
    "on_headers_complete", "on_message_complete", "send_400_response",
}  # fmt: skip
CYCLE = {
    "chunked_encoding", "disconnected", "expected_content_length", "keep_alive", "response_complete",
    "response_started", "scope", "send", "transport", "waiting_for_100_continue",
}  # fmt: skip
FLOW = {"write_paused"}
WEBSOCKET = {
    "close_sent", "close_timer", "conn", "frames", "handshake_complete", "handshake_initiated", "loop", "ping_timeout",
    "queue", "read_paused", "response", "transport",
    "connection_lost", "data_received", "eof_received", "handle_connect", "handle_cont", "handle_parser_exception",
    "keepalive_timeout", "receive", "schedule_ping", "send", "send_keepalive_ping",
}  # fmt: skip
CALLED = {
    # methods in which uvicorn calls what ours replaces
    (uvicorn.Server, "capture_signals"): "self.handle_exit",
    (uvicorn.Server, "_serve"): "self.startup(",
    (uvicorn.Server, "main_loop"): "self.on_tick(",
    (uvicorn.Server, "on_tick"): "self.should_exit",
    (uvicorn.Server, "_wait_tasks_to_complete"): "not self.force_exit",
    (uvicorn.Server, "shutdown"): "connection.shutdown()",
    (HttpToolsProtocol, "on_headers_complete"): "self._start_asgi_task(",
    (HttpToolsProtocol, "handle_websocket_upgrade"): "self.ws_protocol_class(",
    (WebSocketsSansIOProtocol, "handle_events"): "self.handle_connect(",
    (WebSocketsSansIOProtocol, "send_receive_event_to_app"): "self.transport.pause_reading()",
    (WebSocketsSansIOProtocol, "receive"): "self.transport.resume_reading()",
    (WebSocketsSansIOProtocol, "run_asgi"): "self.receive",
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
    assert set(_used(http_protocol, "HttpProtocol", "self")) == HTTP
    assert set(_used(websocket_protocol, "WebSocketProtocol", "self")) == WEBSOCKET
    assert set(_used(http_protocol, None, "cycle")) == CYCLE
    assert set(_used(http_protocol, None, "flow")) == FLOW
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
        own |= _assigned_in_init(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and _last_name(node.value) == variable and node.attr not in own:
            yield node.attr


def _last_name(node: ast.expr) -> str | None:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else None


def _assigned_in_init(tree: ast.AST) -> set[str]:
    [init] = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    return {
        node.attr
        for node in ast.walk(init)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and node.attr not in ("ping_timeout",)
    }
