"""Runs a whole service on a real database server and a real socket, for tests that use it from outside."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection

from chaos.service_process import free_port as free_port
from service.limits.patience import Patience
from service.parts import Parts
from service.run.boot import Service, serving
from service.run.federated import FederatedService, serving_federation
from service.run.server import PING, SILENCE, Server
from service.settings import Settings
from service.store.series import READ_LIMIT, Series


@dataclass(frozen=True)
class Running:
    """A service that runs in this process."""

    url: str
    http: httpx.AsyncClient
    service: Service

    @property
    def parts(self) -> Parts:
        return self.service.parts

    @property
    def server(self) -> Server:
        return self.service.server

    @property
    def ws(self) -> str:
        return self.url.replace("http", "ws", 1) + "/"


@asynccontextmanager
async def running(
    settings: Settings,
    ping: float = PING,
    silence: float = SILENCE,
    *,
    port: int = 0,
    patience: Patience | None = None,
) -> AsyncIterator[Running]:
    """Run a service with these settings on 127.0.0.1, on a free port unless one is given. As one that listens on all
    addresses, it may be asked for by any name."""
    hosts = settings.allowed_hosts or "*"
    here = settings.model_copy(update={"api_host": "127.0.0.1", "api_port": port, "allowed_hosts": hosts})
    async with serving(here, lambda _: None, ping=ping, silence=silence, patience=patience) as service:
        wait_for_names(service.parts.store.series)
        url = f"http://127.0.0.1:{service.port}"
        async with httpx.AsyncClient(base_url=url, timeout=30) as http:
            yield Running(url, http, service)


def wait_for_names(series: Series) -> None:
    """Let choosers have the names however busy the machine is; users' pages go without them after a moment."""
    series.patience = READ_LIMIT


@dataclass(frozen=True)
class View:
    """A view over several sites that runs in this process."""

    url: str
    http: httpx.AsyncClient
    service: FederatedService


@asynccontextmanager
async def viewing(sites: Mapping[str, str], **overrides: object) -> AsyncIterator[View]:
    """Run a view over the sites at these addresses, on 127.0.0.1."""
    named = "; ".join(f"{name}={url}" for name, url in sites.items())
    here = {"api_host": "127.0.0.1", "api_port": 0, "allowed_hosts": "*", "chart_tz": "UTC"}
    settings = Settings.load(**{"federate": named, **here, **overrides})
    async with serving_federation(settings, lambda _: None) as service:
        url = f"http://127.0.0.1:{service.port}"
        async with httpx.AsyncClient(base_url=url, timeout=30) as http:
            yield View(url, http, service)


async def ask(socket: ClientConnection, frame: Any) -> Any:
    await socket.send(json.dumps(frame))
    return json.loads(await asyncio.wait_for(socket.recv(), 10))


async def stored(service: Running, series: str, expected: int) -> list[dict[str, Any]]:
    """Wait until a series has as many records as expected, and return them, newest first."""
    for _ in range(200):
        answer = await service.http.get("/display", params={"per_page": 1000, "series": series})
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        if len(found) >= expected:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"{len(found)} of {expected} readings arrived")


async def counted(service: Running, where: str, reason: str) -> float:
    text = (await service.http.get("/metrics")).text
    name = f'taktline_refused_total{{reason="{reason}",where="{where}"}} '
    return sum(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    """Wait for a condition that can only be polled."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)
