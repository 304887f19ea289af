"""The address to send to, and how to connect to it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec
from msgspec.structs import force_setattr
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    HeaderLineTooLong,
    InvalidHandshake,
    InvalidMessage,
    InvalidURI,
    StatusLineTooLong,
    TooManyHeaders,
)

from emitter.producer.errors import BadToken
from emitter.producer.first_words import FirstWords

_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}
_TOKEN = re.compile(r"[!-~]+", re.ASCII)


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """The address of the service, and how to deal with it; all times are in seconds. Raises BadToken for a token that
    no header can have."""

    url: str
    token: str | None = None
    """Sent as `Authorization: Bearer …` when connecting, without white space around it."""
    credential: str = "the token"
    """What messages call the token."""
    window: int = 8
    """The most batches in flight."""
    patience: float | None = None
    """The time without success after which to give up; None means never."""
    ack_timeout: float = 30.0
    """The time without answers after which a connection is taken for dead."""
    ping_interval: float = 10.0
    ping_timeout: float = 20.0

    def __post_init__(self) -> None:
        if self.token:
            force_setattr(self, "token", usable_token(self.token, self.credential))

    @property
    def name(self) -> str:
        """The address without its password and its parameters, for messages."""
        return shown_address(self.url)


def shown_address(url: str) -> str:
    """An address without its password and its parameters."""
    scheme, colon, rest = url.partition("://")
    return f"{scheme}{colon}{rest.rpartition('@')[2].partition('?')[0]}"


class NoWebSocket(InvalidHandshake):
    """What answers at the address isn't a WebSocket service."""


@asynccontextmanager
async def dial(link: Link) -> AsyncIterator[ClientConnection]:
    """Opens a connection, which is closed in order at the end. Raises one of `failures.FAILURES` where it can't be
    made."""
    first = FirstWords()
    try:
        socket = await _connect(link, first)
    except (InvalidMessage, AssertionError) as exc:  # the second where the other side sends data first
        raise NoWebSocket(first.describe()) from exc
    except TimeoutError as exc:
        if not first.made:
            raise
        raise NoWebSocket(first.describe_silence()) from exc
    except (StatusLineTooLong, HeaderLineTooLong, TooManyHeaders) as exc:
        raise NoWebSocket(first.describe_excess()) from exc
    except InvalidURI as exc:
        raise NoWebSocket(_describe_address(link, exc.uri)) from exc
    try:
        yield socket
    finally:
        await socket.close()


def _connect(link: Link, first: FirstWords) -> connect:
    return connect(
        link.url,
        create_connection=first.connection,  # type: ignore[arg-type]  # which is called, and not asked for its type
        additional_headers={"Authorization": f"Bearer {link.token}"} if link.token else None,
        compression=None,  # costs the service more than it saves
        proxy=None if is_local(link.url) else True,
        open_timeout=min(10, link.ack_timeout),
        close_timeout=1,
        ping_interval=link.ping_interval,
        ping_timeout=link.ping_timeout,
    )


def _describe_address(link: Link, url: str) -> str:
    """What is wrong with an address that is the link's, or to which that leads."""
    name = shown_address(url)
    if url == link.url:
        return f"{name} isn't the address of a WebSocket service"
    scheme, _, rest = name.partition("://")
    if scheme in ("http", "https"):
        return f"what answers there leads to {name} (is the address {_SCHEMES[scheme]}://{rest}?)"
    return f"what answers there leads to {name}, which is no WebSocket service"


def usable_token(text: str, name: str) -> str:
    """The token without white space around it, such as the line end of the file that it is from. Raises BadToken, which
    calls it by `name` and shows nothing of it."""
    token = text.strip()
    if not _TOKEN.fullmatch(token):
        raise BadToken(f"{name[:1].upper()}{name[1:]} has characters that no key has")
    return token


def is_local(url: str) -> bool:
    """Whether an address is one of this machine, for which no proxy of the environment is used."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def websocket_url(text: str) -> str:
    """The WebSocket address for a ws, wss, http or https address. Raises ValueError for anything else, with a message
    that doesn't show the address where there may be a password in it."""
    shown = "this" if "@" in text else repr(text)
    try:
        parts = urlsplit(text.strip())
        host, _ = parts.hostname, parts.port
        (host or "").encode("idna")
    except ValueError:
        raise ValueError(f"{shown} has no usable host and port") from None
    if parts.scheme not in _SCHEMES or not host:
        raise ValueError(f"{shown} isn't the address of a service, like ws://127.0.0.1:8080/")
    if "@" in f"{parts.path}{parts.query}{parts.fragment}":
        raise ValueError(f"{shown} has an @ behind the host; in a password write / as %2F, ? as %3F, # as %23")
    return parts._replace(scheme=_SCHEMES[parts.scheme], path=parts.path or "/", fragment="").geturl()
