"""HTTP over plain sockets, for details that client libraries hide."""

import asyncio
import re
from urllib.parse import urlsplit

from tests.harness import Running

WEBSOCKET = (
    "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
"""The headers of a WebSocket handshake."""


async def talk(service: Running, *pieces: bytes) -> bytes:
    """Send pieces, each in a TCP segment of its own, and return all that the service answers until it closes the
    connection."""
    place = urlsplit(service.url)
    reader, writer = await asyncio.open_connection(place.hostname, place.port)
    try:
        for piece in pieces:
            writer.write(piece)
            for _ in range(3):
                await asyncio.sleep(0)
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


def statuses(answer: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d+) ", answer)]
