"""The web server: uvicorn on a given socket, with the two protocols of this package. The lifecycle decides when it
stops.

This module and the two protocols use attributes and methods that uvicorn doesn't document: pyproject.toml names the
versions that have them, and tests/run/test_uvicorn.py names each of them.
"""

import asyncio
import signal
import socket
from collections.abc import Iterable
from functools import partial
from types import FrameType
from typing import Any

import uvicorn
from litestar.types import ASGIApp

from service.errors import StartError
from service.limits.patience import Watched
from service.run.clients import Clients
from service.run.http_protocol import HttpProtocol
from service.run.lifecycle import Lifecycle, Stage
from service.run.websocket_protocol import WebSocketProtocol

PING = 20.0
"""Seconds between two pings to a WebSocket, so that no proxy closes it as idle."""
SILENCE = 86400.0
"""Seconds after which a WebSocket is ended that has sent nothing at all. That is long, because a producer that never
reads answers no pings. Where the producer's machine has vanished, TCP ends the connection after a quarter of an hour,
since no packet of ours is acknowledged."""
IDLE = 75
"""Seconds that an idle HTTP connection is kept open. That is longer than proxies keep it (nginx and load balancers:
60), so that they close it and not the service: a client whose request meets our close can't know whether it was
received."""


class Server(uvicorn.Server):
    """Serves one application until the lifecycle ends it. SIGTERM and SIGINT begin the stop; a second SIGINT shortens
    it. `clients` has the limits of all connections."""

    def __init__(
        self,
        app: ASGIApp,
        lifecycle: Lifecycle,
        clients: Clients,
        max_frame: int,
        *,
        ping: float = PING,
        silence: float = SILENCE,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=partial(HttpProtocol, clients=clients),  # type: ignore[arg-type]
                ws=partial(WebSocketProtocol, clients=clients),  # type: ignore[arg-type]
                loop="uvloop",
                log_config=None,
                access_log=False,
                ws_max_size=max_frame,
                ws_per_message_deflate=False,
                ws_ping_interval=ping,
                ws_ping_timeout=silence,
                timeout_keep_alive=IDLE,
                lifespan="off",
                server_header=False,
                proxy_headers=False,  # the application does that, for the proxies that are trusted
            )
        )
        self._lifecycle = lifecycle
        lifecycle.at(Stage.CLOSE, "requests and connections", self._close)
        lifecycle.at(Stage.CUT, "requests and connections", self._cut)
        self.ready = asyncio.Event()
        """Set once connections are accepted."""
        self._ended = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def connections(self) -> Iterable[Watched]:
        """The open connections."""
        return self.server_state.connections  # type: ignore[return-value]  # uvicorn's type is that of its protocols

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            await super().serve(sockets)
        finally:
            self._ended.set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to accept connections."""
        await super().startup(sockets)
        self.ready.set()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Handle a signal in place of uvicorn, which would raise it again after the server has stopped."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stop, sig)

    def _stop(self, sig: int) -> None:
        if self._lifecycle.begun and sig == signal.SIGINT:
            self._lifecycle.hurry()
        else:
            self._lifecycle.begin()

    async def _close(self) -> None:
        """Accept no more connections, close those without a request under way, and wait for the others."""
        self.should_exit = True
        await self._ended.wait()

    async def _cut(self) -> None:
        """Answer every request that still waits with 503, and then cancel it: a cancelled request would be answered
        with 500."""
        self.force_exit = True
        for connection in list(self.server_state.connections):
            if isinstance(connection, HttpProtocol):
                await connection.refuse()
        for task in list(self.server_state.tasks):
            task.cancel()
        await self._ended.wait()


def listen(host: str, port: int, setting: str = "API_PORT") -> socket.socket:
    """Bind a socket to serve on, before anything slow starts. Raises StartError where the address is in use; `setting`
    is the one of the port."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return _bound(made, (host, port), setting)


def reserve(host: str, port: int, setting: str) -> socket.socket:
    """The same for several sockets: what is returned only holds the address, and another() makes those that listen."""
    with listen(host, port, setting) as alone:  # a socket that others may join would join others
        address = alone.getsockname()
    return _joinable(address, setting)


def another(reserved: socket.socket) -> socket.socket:
    """One more socket at a reserved address. Among those that listen the kernel shares out the connections."""
    return _joinable(reserved.getsockname(), "API_PORT")


def _joinable(address: Any, setting: str) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    return _bound(made, address, setting)


def _bound(made: socket.socket, address: Any, setting: str) -> socket.socket:
    try:
        made.bind(address)
    except (OSError, OverflowError) as exc:
        made.close()
        why = (isinstance(exc, OSError) and exc.strerror) or exc
        raise StartError(
            f"Can't listen on {address[0]}, port {address[1]}: {why}. Choose another with API_HOST and {setting}."
        ) from exc
    return made
