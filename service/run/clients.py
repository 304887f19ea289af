"""What the protocols of all connections share: how much their clients may take, and how refusals are counted."""

import asyncio
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from fcntl import ioctl
from termios import TIOCOUTQ

from service.access.callers import owner
from service.access.proxies import Proxies
from service.limits.allowance import Allowance
from service.limits.patience import Patience

LINGER = 2.0
"""Seconds in which a client that was refused can read why. If the connection were closed while its data still arrives,
that would reset it, and the answer would be lost."""
MAX_LINGERING = 32
"""The most refused connections that are kept for that."""


@dataclass
class Clients:
    """The limits of all clients. `refused` is called with the transport or route, and the reason, for each refusal
    without the application."""

    memory: Allowance
    places: Allowance
    patience: Patience
    refused: Callable[[str, str], None]
    proxies: Proxies
    _lingering: int = field(default=0, init=False)

    def owner(self, address: str) -> str | None:
        """Whose share a connection from this address takes; nobody's where that is a proxy, which stands for many."""
        return None if self.proxies and self.proxies.trust(address) else owner(address)

    def linger(self, transport: asyncio.Transport) -> None:
        """Close a connection once its client has had time to read why; at once where too many linger already."""
        if self._lingering >= MAX_LINGERING:
            transport.close()
            return
        self._lingering += 1
        asyncio.get_running_loop().call_later(LINGER, self._close, transport)

    def _close(self, transport: asyncio.Transport) -> None:
        self._lingering -= 1
        transport.abort()


def unread(transport: asyncio.Transport) -> int:
    """How many bytes of what was sent haven't reached the client. The system keeps up to some MiB of them, and takes
    more only when a third of that is gone: until then it would look as if a slow client read nothing."""
    kept = bytearray(4)
    with suppress(OSError, ValueError):  # where the system has no such number, or the socket is closed
        ioctl(transport.get_extra_info("socket").fileno(), TIOCOUTQ, kept)
    return transport.get_write_buffer_size() + int.from_bytes(kept, sys.byteorder)
