"""uvicorn with our own order of stopping: first what was accepted is committed and acknowledged, then sockets close."""

import asyncio
import signal
import socket
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from types import FrameType

import structlog
import uvicorn
from litestar.types import ASGIApp

from service.app import Parts
from service.errors import StartError
from service.run.http_protocol import HttpProtocol
from service.run.websocket_protocol import WebSocketProtocol

CLOSING = 4.0
"""Seconds of the grace that are kept for closing connections, and all else: at most half of it."""
FAREWELL = 0.25
"""The share of that for last answers when there is no time left to commit."""
PING = 20.0
"""Seconds between two pings to a WebSocket, so that no proxy takes it for dead."""
SILENCE = 86400.0
"""Seconds without anything from a WebSocket after which it is ended. Long, because a producer that never reads answers
no ping: of a machine that is gone TCP knows in a quarter of an hour, by pings that nobody takes."""
IDLE = 75
"""Seconds that a connection may wait for its next request: longer than the proxies and clients that keep one keep it
(nginx and load balancers 60), for who sends a request just as it is closed can't know whether it was taken."""
LAST_RESORT = 0.3
"""Seconds before the end of the grace at which what isn't closed is left as it is."""

log = structlog.stdlib.get_logger("service")


class Server(uvicorn.Server):
    """Serves one app until told to stop by SIGTERM, SIGINT or stop(); a second SIGINT ends it at once."""

    def __init__(
        self,
        app: ASGIApp,
        parts: Parts,
        max_frame: int,
        grace: timedelta,
        *,
        ping: float = PING,
        silence: float = SILENCE,
    ) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=HttpProtocol,
                ws=partial(WebSocketProtocol, refused=parts.metrics.refused),  # type: ignore[arg-type]
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
            )
        )
        self._parts, self._grace = parts, grace.total_seconds()
        self.ready = asyncio.Event()
        """Set once connections are taken."""
        self.companions: list[Callable[[], Awaitable[None]]] = []
        """What has to be stopped before us: a producer of our own, say."""
        self.leave: Callable[[], None] | None = None
        """Called, in a thread, where the grace ends before all is closed: what is acknowledged is committed."""
        self._stopping: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take connections, and say where."""
        await super().startup(sockets)
        for one in sockets or ():
            host, port = one.getsockname()[:2]
            shown = "localhost" if host in ("0.0.0.0", "::", "127.0.0.1") else host  # noqa: S104
            log.info(f"ready: chart http://{shown}:{port}/  records http://{shown}:{port}/display  (Ctrl-C stops)")
        self.ready.set()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """uvicorn's signal handler. The signals aren't remembered: uvicorn would raise them again at the end."""
        if self._stopping is not None and sig == signal.SIGINT:
            self.force_exit = self.should_exit = True
        elif self._loop is not None:
            self._loop.call_soon_threadsafe(self.stop)

    def stop(self) -> None:
        """Begin to stop; serve() returns when it is done."""
        if self._stopping is None:
            self._stopping = asyncio.create_task(self._stop())

    async def _stop(self) -> None:
        now = asyncio.get_running_loop().time
        end = now() + self._grace
        self._leave_at_last()
        for stop in self.companions:
            await stop()
        closing = min(CLOSING, self._grace / 2)
        await self._commit(end - closing, FAREWELL * closing)
        # uvicorn takes fractions of a second as well
        self.config.timeout_graceful_shutdown = max(0.1, end - now() - closing / 2)  # type: ignore[assignment]
        self.should_exit = True

    async def _commit(self, end: float, farewell: float) -> None:
        """Take nothing more in, commit and acknowledge what was accepted; what isn't by `end` is given up."""
        writer, sockets = self._parts.writer, list(self._parts.connections)
        log.info("stopping: committing what was accepted", sockets=len(sockets))
        stopping = [asyncio.ensure_future(one.stop()) for one in sockets]
        try:
            async with asyncio.timeout_at(end):
                if stopping:
                    await asyncio.wait(stopping)
                await writer.close()
                await writer.finished.wait()
        except TimeoutError:
            await writer.close()
            if left := writer.abandon():
                log.warning("no time left to commit; these are not acknowledged", readings=left)
            if stopping:
                await asyncio.wait(stopping, timeout=farewell)

    def _leave_at_last(self) -> None:
        if self.leave is not None:
            timer = threading.Timer(max(0.0, self._grace - LAST_RESORT), self.leave)
            timer.daemon = True
            timer.start()


def listen(host: str, port: int) -> socket.socket:
    """The socket to serve on, bound before anything slow starts; StartError where the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        made.bind((host, port))
    except (OSError, OverflowError) as exc:
        made.close()
        why = (isinstance(exc, OSError) and exc.strerror) or exc
        raise StartError(
            f"Can't listen on {host}, port {port}: {why}. Choose another with API_HOST and API_PORT."
        ) from exc
    made.set_inheritable(True)
    return made
