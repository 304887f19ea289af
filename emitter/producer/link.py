"""Where to send, and how a connection to there is made."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidMessage

_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send and how patiently; all times in seconds."""

    url: str
    token: str | None = None
    """Sent as `Authorization: Bearer …` when connecting."""
    credential: str = "the token"
    """What a person calls it, for messages."""
    window: int = 8
    """Batches in flight."""
    patience: float | None = None
    """Give up after so long without success; None: never."""
    ack_timeout: float = 30.0
    """A connection on which nothing is answered for so long is taken for dead."""
    ping_interval: float = 10.0
    ping_timeout: float = 20.0

    @property
    def name(self) -> str:
        """The address as it may be shown: without a password."""
        parts = urlsplit(self.url)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


@asynccontextmanager
async def dial(link: Link) -> AsyncIterator[ClientConnection]:
    """A connection, closed in good order however it ends; one of `failures.FAILURES` when it can't be made."""
    try:
        socket = await _connect(link)
    except AssertionError as exc:  # where the other side speaks first, websockets stumbles over its own check
        raise InvalidMessage("not a WebSocket service") from exc
    try:
        yield socket
    finally:
        await socket.close()


def _connect(link: Link) -> connect:
    return connect(
        link.url,
        additional_headers={"Authorization": f"Bearer {link.token}"} if link.token else None,
        compression=None,  # costs the service more than it saves
        proxy=_proxy(link.url),
        close_timeout=1,
        ping_interval=link.ping_interval,
        ping_timeout=link.ping_timeout,
    )


def _proxy(url: str) -> Literal[True] | None:
    """Whatever the environment says about proxies, this machine is reached directly."""
    host = urlsplit(url).hostname or ""
    try:
        local = ip_address(host).is_loopback
    except ValueError:
        local = host == "localhost"
    return None if local else True


def websocket_url(text: str) -> str:
    """A WebSocket address out of a ws, wss, http or https one; ValueError otherwise."""
    parts = urlsplit(text.strip())
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError(f"{text!r} isn't the address of a service, like ws://127.0.0.1:8080/")
    try:
        parts.hostname.encode("idna")
        _ = parts.port
    except ValueError as exc:
        raise ValueError(f"{text!r} has no usable host and port") from exc
    return parts._replace(scheme=_SCHEMES[parts.scheme], path=parts.path or "/", fragment="").geturl()
