"""Runs the service, for the command line and for tests: opens every part, listens, serves, and stops in order."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from service.access.hosts import is_loopback
from service.access.proxies import Proxies
from service.app import OPEN_TO_ALL, create_app
from service.crew import Crew
from service.intake.writer import Writer
from service.limits.patience import Patience, Watched, watch
from service.limits.trimming import trim
from service.parts import Parts, open_parts
from service.run.clients import Clients
from service.run.lifecycle import Lifecycle, Stage
from service.run.server import PING, SILENCE, Server, listen
from service.settings import Settings

log = structlog.stdlib.get_logger("service")


@dataclass(frozen=True)
class Shared:
    """What a worker is given that others have as well: sockets at the addresses that they share, the one for readings
    over TCP only where it is wanted, and what they tell each other."""

    http: socket.socket
    tcp: socket.socket | None
    crew: Crew


@dataclass(frozen=True)
class Service:
    """A service that runs in this process."""

    port: int
    parts: Parts
    server: Server
    lifecycle: Lifecycle
    _serving: "asyncio.Task[None]"

    async def ended(self) -> None:
        """Wait until the service has stopped because of a signal, or because its server failed."""
        await asyncio.wait((self._serving,))


@asynccontextmanager
async def serving(
    settings: Settings,
    say: Callable[[str], None],
    *,
    leave: Callable[[], None] | None = None,
    ping: float = PING,
    silence: float = SILENCE,
    patience: Patience | None = None,
    shared: Shared | None = None,
) -> AsyncIterator[Service]:
    """Run a service with these settings. It is ready when the block begins, and stops when the block ends, if it hasn't
    stopped before. Raises StartError where it can't start.

    `leave` ends the process where SHUTDOWN_GRACE isn't enough to stop; for `ping` and `silence` see the server.
    `patience` is for tests. With `shared` it is one of several workers.
    """
    patience = patience or Patience()
    lifecycle = Lifecycle(settings.shutdown_grace.total_seconds(), leave)
    tcp_socket, crew = (shared.tcp, shared.crew) if shared is not None else (None, None)
    with shared.http if shared is not None else listen(settings.api_host, settings.api_port) as sock:
        async with open_parts(settings, say, patience, tcp_socket=tcp_socket, crew=crew) as parts:
            app = create_app(parts)
            clients = Clients(
                parts.memory, parts.places, patience, parts.metrics.refused, Proxies(settings.trusted_proxies)
            )
            server = Server(app, lifecycle, clients, settings.max_frame_bytes, ping=ping, silence=silence)
            _register(lifecycle, parts)
            connections, held = lambda: _open(server, parts), lambda: parts.held
            async with served(server, sock, lifecycle, patience.look, connections, held) as task:
                host, port = sock.getsockname()[:2]
                say(_where(host, port))
                if parts.keyring.is_open and not is_loopback(settings.api_host):
                    # beside this engine, the command needs its folder
                    folder = {} if settings.database else {"TAKTLINE_DATA": str(settings.taktline_data)}
                    log.warning(OPEN_TO_ALL, **folder)
                yield Service(port, parts, server, lifecycle, task)


@asynccontextmanager
async def served(
    server: Server,
    sock: socket.socket,
    lifecycle: Lifecycle,
    every: float,
    connections: Callable[[], Iterable[Watched]],
    held: Callable[[], int],
) -> AsyncIterator["asyncio.Task[None]"]:
    """Serve on a socket until the block ends, and stop in order then. Every so many seconds the connections that are
    open, and the bytes that are held for clients, are looked at."""
    task = asyncio.create_task(server.serve([sock]))
    watching = asyncio.create_task(watch(connections, every))
    trimming = asyncio.create_task(trim(held, every))
    try:
        await _ready(server, task)
        yield task
    finally:
        await lifecycle.stop()
        await task
        watching.cancel()
        trimming.cancel()


def settle(service: Service) -> None:
    """Do what may wait until a service is ready: begin to make what browsers draw with, and exempt modules and routes,
    which stay for good, from garbage collection."""
    service.parts.assets.prepare()
    gc.collect()
    gc.freeze()


def _open(server: Server, parts: Parts) -> Iterable[Watched]:
    """The connections that are open now."""
    return [*server.connections, *(parts.tcp.connections if parts.tcp is not None else ())]


def _register(lifecycle: Lifecycle, parts: Parts) -> None:
    """Register what each part does when the service stops, and at which stage. The server registers itself."""
    writer, tcp, websockets = parts.writer, parts.tcp, parts.connections
    if tcp is not None:
        lifecycle.at(Stage.LISTEN, "port for readings over TCP", tcp.stop_listening)
        lifecycle.at(Stage.REFUSE, "readings over TCP", tcp.stop)
    lifecycle.at(Stage.REFUSE, "WebSockets", websockets.refuse)
    lifecycle.at(Stage.REFUSE, "viewers of the live page", parts.feed.stop)
    lifecycle.at(Stage.DRAIN, "writer", writer.drain, late=lambda: _give_up(writer))
    lifecycle.at(Stage.ACKNOWLEDGE, "WebSockets", websockets.finish)
    lifecycle.at(Stage.ACKNOWLEDGE, "transactions under way", writer.finished.wait)


def _give_up(writer: Writer) -> None:
    if left := writer.abandon():
        log.warning("no time left to commit; these are not acknowledged", readings=left)


async def _ready(server: Server, task: "asyncio.Task[None]") -> None:
    ready = asyncio.create_task(server.ready.wait())
    await asyncio.wait((ready, task), return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    if task.done():
        await task  # it raises the reason why there is no server


def _where(host: str, port: int) -> str:
    shown = "localhost" if host in ("0.0.0.0", "::", "127.0.0.1") else host  # noqa: S104
    return f"ready: chart http://{shown}:{port}/  records http://{shown}:{port}/display  (Ctrl-C stops)"
