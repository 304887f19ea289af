"""Runs a view over several sites, for the command line and for tests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog

from service.access.proxies import Proxies
from service.federated_app import create_federated_app, open_to_all
from service.federated_parts import FederatedParts, open_federated_parts
from service.limits.patience import Patience
from service.run.boot import served
from service.run.clients import Clients
from service.run.lifecycle import Lifecycle, Stage
from service.run.server import Server, listen
from service.settings import Settings

log = structlog.stdlib.get_logger("service")


@dataclass(frozen=True)
class FederatedService:
    """A view over several sites that runs in this process."""

    port: int
    parts: FederatedParts
    _serving: "asyncio.Task[None]"

    async def ended(self) -> None:
        """Wait until it has stopped because of a signal, or because its server failed."""
        await asyncio.wait((self._serving,))


@asynccontextmanager
async def serving_federation(
    settings: Settings, say: Callable[[str], None], *, leave: Callable[[], None] | None = None
) -> AsyncIterator[FederatedService]:
    """Run a view over the sites of the settings. It is ready when the block begins, whether these answer or not, and
    stops when the block ends. Raises StartError where it can't start; for `leave` see serving() of
    service/run/boot.py."""
    patience = Patience()
    lifecycle = Lifecycle(settings.shutdown_grace.total_seconds(), leave)
    with listen(settings.api_host, settings.api_port) as sock:
        async with open_federated_parts(settings) as parts:
            clients = Clients(
                parts.memory, parts.places, patience, parts.metrics.refused, Proxies(settings.trusted_proxies)
            )
            server = Server(create_federated_app(parts), lifecycle, clients, settings.max_frame_bytes)
            lifecycle.at(Stage.REFUSE, "viewers of live pages", parts.feed.stop)
            connections, held = lambda: server.connections, lambda: parts.memory.used
            async with served(server, sock, lifecycle, patience.look, connections, held) as task:
                port = sock.getsockname()[1]
                say(f"ready: a view of {', '.join(parts.federation.names)} on port {port}  (Ctrl-C stops)")
                if (warning := open_to_all(parts)) is not None:
                    log.warning(warning)
                yield FederatedService(port, parts, task)
