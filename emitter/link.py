"""The connection to the service: how it is made, and what its failures mean."""

import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from socket import gaierror
from ssl import SSLError
from typing import Literal
from urllib.parse import urlsplit

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus, WebSocketException

from emitter.answers import read_problem
from emitter.backoff import retry_after
from emitter.errors import Rejected

TRANSIENT = frozenset((404, 408, 421, 425, 429))
"""4xx statuses of a handshake that pass: proxies answer so while the service behind them starts."""
HINT = "Is the address right?"
HINTS = {401: "Is EMITTER_TOKEN right?", 403: "Are the address and EMITTER_TOKEN right?"}
RESTARTING = frozenset((1001, 1012))
TOO_LARGE = 1009


class Silence(Exception):
    """The connection stands, but answers don't come."""


FAILURES = (OSError, WebSocketException, Silence)
"""What can end a connection; another one may do better."""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send and how patiently; all times in seconds."""

    url: str
    token: str | None = None
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
    """A connection, closed in good order however it ends; one of FAILURES when it can't be made."""
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


def check_refusal(link: Link, failure: Exception) -> None:
    """Rejected where the handshake was answered with a status that will be the same next time."""
    if not isinstance(failure, InvalidStatus):
        return
    status = failure.response.status_code
    if 400 <= status < 500 and status not in TRANSIENT:
        raise Rejected(f"{link.name} refused the connection: {describe(failure)}. {HINTS.get(status, HINT)}")


def asked_delay(failure: Exception) -> float | None:
    """Seconds that the service asked to wait."""
    return retry_after(failure.response.headers.get("Retry-After")) if isinstance(failure, InvalidStatus) else None


def describe(failure: Exception) -> str:
    """A failure in a few words."""
    match failure:
        case InvalidStatus():
            return _describe_status(failure)
        case InvalidMessage(__cause__=EOFError()):
            return "connection lost"
        case InvalidMessage():
            return "what answers there isn't a WebSocket service"
        case ConnectionClosed():
            return _describe_close(failure)
        case TimeoutError():
            return "no answer to the connection attempt"
        case SSLError() | gaierror():  # their numbers aren't the system's
            return failure.strerror or str(failure)
        case OSError():
            return _describe_os(failure)
        case _:
            return str(failure) or type(failure).__name__


def closed_with(failure: Exception) -> int | None:
    """The code that the other side closed the connection with."""
    return failure.rcvd.code if isinstance(failure, ConnectionClosed) and failure.rcvd else None


def _describe_status(failure: InvalidStatus) -> str:
    response = failure.response
    detail = read_problem(bytes(response.body or b""))
    said = f"HTTP {response.status_code} {response.reason_phrase}".rstrip()
    if response.status_code < 400:
        return f"what answers there isn't a WebSocket service ({said})"
    return f"{said}, {detail.rstrip('.')}" if detail else said


def _describe_os(failure: OSError) -> str:
    """asyncio's text for several addresses of a host holds the number of each."""
    number = re.search(r"\[Errno (\d+)\]", str(failure))
    return os.strerror(int(number[1])) if number else str(failure)


def _describe_close(failure: ConnectionClosed) -> str:
    code = closed_with(failure)
    if failure.rcvd is None:
        return f"connection lost{f' ({failure.sent.reason})' if failure.sent and failure.sent.reason else ''}"
    if code in RESTARTING:
        return f"the service is going away (close code {code})"
    reason = failure.rcvd.reason.rstrip(".")
    return f"closed with code {code}{f', {reason}' if reason else ''}"
