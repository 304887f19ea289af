"""A whole service on a real server and a real socket, for the tests that look at it from outside."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

from service.app import create_app, open_context
from service.routes.context import Context
from service.run.server import Server, listen
from service.settings import Settings


@dataclass(frozen=True)
class Running:
    """A service that runs in this process."""

    url: str
    http: httpx.AsyncClient
    context: Context
    server: Server

    @property
    def ws(self) -> str:
        return self.url.replace("http", "ws", 1) + "/"


@asynccontextmanager
async def running(settings: Settings, **times: float) -> AsyncIterator[Running]:
    """The service with these settings on a free port of 127.0.0.1; `times` are the server's."""
    with listen("127.0.0.1", 0) as sock:
        async with open_context(settings, lambda _: None) as context:
            server = Server(create_app(context), context, settings.max_frame_bytes, settings.shutdown_grace, **times)
            serving = asyncio.create_task(server.serve([sock]))
            await server.ready.wait()
            url = f"http://127.0.0.1:{sock.getsockname()[1]}"
            try:
                async with httpx.AsyncClient(base_url=url, timeout=30) as http:
                    yield Running(url, http, context, server)
            finally:
                server.stop()
                await serving


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
        return port
