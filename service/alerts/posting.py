"""Sends a body to a webhook over HTTP/1.1 and reads the status of the answer. It runs on the event loop, so that
nothing is left behind when the service stops meanwhile, and follows no redirects."""

import asyncio
import ssl
from collections.abc import Mapping

import httptools

from service.alerts.addresses import Address
from service.errors import TaktlineError

READ_AT_ONCE = 4096
MOST_READ = 65_536
"""The most bytes of an answer that are looked at to find its status."""


class NotDelivered(TaktlineError):
    """The webhook doesn't take the message."""


class _Head:
    """Notes when the head of an answer is there."""

    is_there = False

    def on_headers_complete(self) -> None:
        self.is_there = True


async def post(address: Address, headers: Mapping[str, str], body: bytes, within: float) -> None:
    """Send a JSON body. Raises NotDelivered unless the answer is that it was taken, and comes in so many seconds."""
    try:
        async with asyncio.timeout(within):
            status = await _exchange(address, _request(address, headers, body))
    except TimeoutError:
        raise NotDelivered(f"{address.host} doesn't answer within {within:g} seconds.") from None
    except (OSError, UnicodeError, httptools.HttpParserError) as exc:
        raise NotDelivered(f"{address.host} can't be asked: {exc or type(exc).__name__}.") from exc
    if not 200 <= status < 300:
        raise NotDelivered(f"{address.host} answers with status {status}.")


async def _exchange(address: Address, request: bytes) -> int:
    tls = ssl.create_default_context() if address.tls else None
    reader, writer = await asyncio.open_connection(address.host, address.port, ssl=tls)
    try:
        writer.write(request)
        await writer.drain()
        return await _status(reader)
    finally:
        # closing in good order would wait for the other side
        writer.transport.abort()


async def _status(reader: asyncio.StreamReader) -> int:
    """The status of the answer, after those that only say that it will come."""
    head = _Head()
    parser = httptools.HttpResponseParser(head)
    for _ in range(MOST_READ // READ_AT_ONCE):
        data = await reader.read(READ_AT_ONCE)
        if not data:
            raise ConnectionResetError("the connection ended without an answer")
        parser.feed_data(data)
        if head.is_there and (status := int(parser.get_status_code())) >= 200:
            return status
    raise ConnectionResetError("the answer has no end to its headers")


def _request(address: Address, headers: Mapping[str, str], body: bytes) -> bytes:
    every = {
        "Host": address.named,
        "User-Agent": "Taktline",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        **({"Authorization": address.authorization} if address.authorization else {}),
        **headers,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in every.items())
    return f"POST {address.target} HTTP/1.1\r\n{lines}\r\n".encode("ascii") + body
