"""A webhook as somebody else runs it: a real HTTP server that notes what it is sent."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec


class Received(msgspec.Struct, frozen=True):
    """A request as it came, and the status with which it was answered; None where it was cut."""

    status: int | None
    headers: dict[str, str]
    raw: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.raw)


class Receiver:
    """Answers with the next of `answers`, and with 200 where there is none; None cuts the connection."""

    def __init__(self) -> None:
        self.answers: list[int | None] = []
        self.received: list[Received] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?x=1"

    @property
    def taken(self) -> list[tuple[str, str]]:
        """Rule and status of each message that was taken."""
        bodies = [one.body for one in self.received if one.status == 200]
        return [(body["groupLabels"]["alertname"], body["status"]) for body in bodies]

    @asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["Receiver"]:
        """Listen until the block ends; on the same port when it begins again."""
        server = await asyncio.start_server(self._answer, "127.0.0.1", self.port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(_header(line) for line in head[1:] if line)
        raw = await reader.readexactly(int(headers["content-length"]))
        status = self.answers.pop(0) if self.answers else 200
        self.received.append(Received(status, headers, raw))
        if status is not None:
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: 2\r\nLocation: /\r\n\r\nok".encode())
            await writer.drain()
        writer.close()


def _header(line: str) -> tuple[str, str]:
    name, _, value = line.partition(": ")
    return name.lower(), value
