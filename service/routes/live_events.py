"""`/live`: the events that update the live page, over a WebSocket, or as server-sent events over HTTP. A browser opens
at most six HTTP/1.1 connections to a host, so that a seventh page would wait for ever; WebSockets don't count."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing, suppress
from typing import Any

import msgspec
from litestar import Request, WebSocket, get, websocket
from litestar.exceptions import WebSocketException
from litestar.handlers import HTTPRouteHandler, WebsocketRouteHandler
from litestar.response import Stream

from service.access.grants import Grant, Scope
from service.errors import TaktlineError
from service.live.live_feed import AnyView, LiveFeed
from service.live.server_sent_events import event
from service.metrics import Metrics
from service.problems import problem
from service.routes.authentication import needs
from service.routes.described_parameters import query_parameter
from service.routes.html_pages import Names
from service.routes.live_parameters import DESCRIBED
from service.routes.openapi_answers import READING, SIGN_IN, answering, response
from service.routes.openapi_schemas import TEXT, an_object, schema
from service.routes.parameters import known_only
from service.routes.senders import Connection, caller_of, grant_of
from service.routes.visible_series import patterns_of
from service.routes.websocket_handshake import ENDED, LIVE, subprotocol_for

BROWSER_RETRY = b"retry: 1500\n\n"
"""Milliseconds until a browser connects again after its connection was lost."""
AGAIN, REFUSED = 1012, 1008
"""Close codes: connect again; the parameters are refused."""
_NAMES = an_object({"series": schema("array", items=TEXT)}, title="SeriesNames")
_OTHERS = [
    query_parameter("width", "Pixels that the chart may be wide.", TEXT),
    query_parameter("board", "`hours` or `wall`: the events of a board, with the parameters of /board.", TEXT),
]
_EVENTS = answering(
    {200: response("The events.", {"text/event-stream": None}), 303: SIGN_IN},
    READING,
    parameters=[*DESCRIBED, *_OTHERS],
)
_SERIES = answering({200: response("The names, in order.", {"application/json": _NAMES}), 303: SIGN_IN}, READING)


ViewOf = Callable[[Connection], AnyView]
"""Reads which view a connection asks for. BadRequest names the parameter that is wrong."""


class SeriesNames(msgspec.Struct, frozen=True):
    """The names of the series that have readings, in order."""

    series: list[str]


def live_route(feed: LiveFeed, view_of: ViewOf, admits: Callable[[Grant], bool]) -> HTTPRouteHandler:
    """The route of the events over HTTP; `admits` says whether a grant still holds."""

    @get("/live", operation_id="live", operation_class=_EVENTS, tags=["records"], opt=needs(Scope.READ))
    async def live(request: Request[Any, Any, Any]) -> Stream:
        """Server-sent events: `time`, the server's clock; `whole`, all that the live page shows; `change`, what is
        new in it; `board`, a board; `beat`, nothing new. The same over a WebSocket, an event a frame, and there
        `refused`, with the problem."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        view = view_of(request)
        events = _events(feed, view, caller_of(request), lambda: admits(grant_of(request)), BROWSER_RETRY)
        # the first event is awaited here, while a refusal can still have a status of its own
        return Stream(_after(await anext(events, b""), events), media_type="text/event-stream", headers=headers)

    return live


def series_route(names: Names) -> HTTPRouteHandler:
    @get("/live/series", operation_id="live_series", operation_class=_SERIES, tags=["records"], opt=needs(Scope.READ))
    async def live_series(request: Request[Any, Any, Any]) -> SeriesNames:
        """The series to choose from; a few seconds old at most."""
        known_only(request, ())
        return SeriesNames(await names(patterns_of(grant_of(request))))

    return live_series


def live_socket_route(
    feed: LiveFeed, view_of: ViewOf, metrics: Metrics, admits: Callable[[Grant], bool]
) -> WebsocketRouteHandler:
    """The route of the events over a WebSocket; `admits` says whether a grant still holds."""

    @websocket(LIVE, opt=needs(Scope.READ))
    async def live_socket(socket: WebSocket[Any, Any, Any]) -> None:
        """Serve one viewer. What it sends is ignored."""
        await socket.accept(subprotocols=subprotocol_for(socket.scope["subprotocols"]))

        def admitted() -> bool:
            return admits(grant_of(socket))

        try:
            events = _events(feed, view_of(socket), caller_of(socket), admitted)
            opening = await anext(events, b"")
        except TaktlineError as error:
            metrics.refused(LIVE, error.reason)
            await socket.send_text(event("refused", problem(error)).decode())
            await socket.close(REFUSED)
            return
        await _send(socket, _after(opening, events), admitted)

    return live_socket


async def _send(
    socket: WebSocket[Any, Any, Any], texts: AsyncGenerator[bytes, None], admitted: Callable[[], bool]
) -> None:
    """Send the texts of events until the viewer has gone, may not see them any more, or there are no more."""
    listening = asyncio.create_task(_gone(socket))
    sending = asyncio.create_task(_send_all(socket, texts, admitted))
    try:
        await asyncio.wait((listening, sending), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (listening, sending):
            task.cancel()
        await asyncio.gather(listening, sending, return_exceptions=True)


async def _gone(socket: WebSocket[Any, Any, Any]) -> None:
    while (await socket.receive())["type"] != "websocket.disconnect":
        pass


async def _send_all(
    socket: WebSocket[Any, Any, Any], texts: AsyncGenerator[bytes, None], admitted: Callable[[], bool]
) -> None:
    with suppress(WebSocketException, OSError):  # the viewer may have gone
        async with aclosing(texts):
            async for text in texts:
                await socket.send_text(text.decode())
        if admitted():
            await socket.close(AGAIN)
        else:
            await socket.close(*ENDED)


async def _events(
    feed: LiveFeed, view: AnyView, caller: str, admitted: Callable[[], bool], first: bytes = b""
) -> AsyncGenerator[bytes, None]:
    """The texts of the events. The first one raises what keeps the viewer out: Unavailable or ShareUsedUp."""
    async with aclosing(feed.watch(view, caller, first + event("time", time.time()))) as texts:
        async for text in texts:
            if not admitted():
                return
            yield text


async def _after(opening: bytes, events: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(events):
        yield opening
        async for text in events:
            yield text
