"""A small server with the service's protocol, which misbehaves on demand."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from emitter.producer import Batch
from emitter.producer.readings import envelope

Script = Callable[["Desk", ServerConnection, dict[str, Any]], Awaitable[None]]


class Desk:
    """A small server with the service's protocol. It commits each batch once, and answers as the protocol says, unless
    a script decides otherwise."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Desk.accept
        self.committed: dict[str, list[dict[str, Any]]] = {}
        self.received: list[str] = []
        self.frames: list[str | bytes] = []
        self.headers: list[Headers] = []
        self.handshakes: list[tuple[int, dict[str, str], bytes]] = []
        """The answers to the next handshakes, instead of accepting them."""
        self.url = ""
        self._server: Server

    def commit(self, frame: dict[str, Any]) -> dict[str, Any]:
        """Commits the batch of a frame, and returns the answer."""
        if (known := self.committed.get(frame["id"])) is not None:
            return {"ack": frame["id"], "duplicate": True} if known == frame["readings"] else self.taken(frame["id"])
        self.committed[frame["id"]] = frame["readings"]
        return {"ack": frame["id"], "written": len(frame["readings"])}

    @staticmethod
    def taken(batch_id: str) -> dict[str, Any]:
        detail = "This batch id was committed before with other content."
        errors = [{"index": 0, "field": "id", "detail": "was committed before with other content"}]
        return {"error": {"type": "about:blank", "status": 422, "detail": detail, "errors": errors}, "id": batch_id}

    async def accept(self, socket: ServerConnection, frame: dict[str, Any]) -> None:
        await socket.send(json.dumps(self.commit(frame)))

    async def handle(self, socket: ServerConnection) -> None:
        async for message in socket:
            frame = json.loads(message)
            self.frames.append(message)
            self.received.append(frame["id"])
            await self.script(self, socket, frame)

    def shake(self, socket: ServerConnection, request: Request) -> Response | None:
        self.headers.append(request.headers)
        if not self.handshakes:
            return None
        status, headers, body = self.handshakes.pop(0)
        headers = {"Content-Length": str(len(body)), "Connection": "close"} | headers
        return Response(status, HTTPStatus(status).phrase, Headers(headers), body)

    @asynccontextmanager
    async def open(self, port: int = 0, max_size: int = 2**20) -> AsyncIterator["Desk"]:
        server = serve(self.handle, "127.0.0.1", port, process_request=self.shake, max_size=max_size, close_timeout=0.1)
        async with server as self._server:
            self.url = f"ws://127.0.0.1:{self.port}/"
            yield self

    @property
    def port(self) -> int:
        port = next(iter(self._server.sockets)).getsockname()[1]
        assert isinstance(port, int)
        return port


def make_batches(count: int, size: int = 0) -> list[Batch]:
    filler = f',"note":"{"x" * size}"' if size else ""
    return [envelope(f"b{n}", [b'{"ts":%d,"fact":%d%b}' % (n, n, filler.encode())]) for n in range(count)]


def refuse(status: int, batch_id: str | None, **extra: object) -> str:
    return json.dumps({"error": {"type": "about:blank", "status": status, "detail": "no", **extra}, "id": batch_id})
