"""The address of a webhook, and the secret by which what is sent there is signed, as settings have them."""

import base64
import binascii
import hashlib
import hmac
import re
from urllib.parse import unquote, urlsplit

import msgspec

_PREFIX = "whsec_"
_SIZES = range(24, 65)
"""The bytes of a secret, by https://www.standardwebhooks.com: 192 to 512 bits."""


class Address(msgspec.Struct, frozen=True):
    """Where to send: `target` is the path with its query, `authorization` the value of that header."""

    tls: bool
    host: str
    port: int
    target: str
    named: str
    """The host as the header has it, with a port that isn't the usual one."""
    authorization: str | None = None


def read_address(text: str) -> Address:
    """The address in a setting. Raises ValueError where it can't be one, which shows nothing of it."""
    if not re.fullmatch(r"[!-~]+", text):
        raise ValueError("has characters that an address can't have; write it in ASCII, with the others escaped")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("isn't an address; write it like https://alerts.example/hook") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("must begin with http:// or https:// and a host, like https://alerts.example/hook")
    tls = parts.scheme == "https"
    path = parts.path or "/"
    named = parts.netloc.rpartition("@")[2]
    login = None
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        login = f"Basic {base64.b64encode(pair.encode()).decode()}"
    target = f"{path}?{parts.query}" if parts.query else path
    return Address(tls, parts.hostname, port or (443 if tls else 80), target, named, login)


def read_secret_key(text: str) -> bytes:
    """The bytes of a secret like `whsec_…`. Raises ValueError where it isn't one, which shows nothing of it."""
    try:
        key = base64.b64decode(text.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not text.startswith(_PREFIX) or len(key) not in _SIZES:
        raise ValueError(f"must be {_PREFIX} and {_SIZES[0]} to {_SIZES[-1]} random bytes in base64")
    return key


def signature(key: bytes, identity: str, timestamp: int, body: bytes) -> str:
    """The signature of a message, by https://github.com/standard-webhooks/standard-webhooks."""
    signed = hmac.digest(key, b"%b.%d.%b" % (identity.encode(), timestamp, body), hashlib.sha256)
    return f"v1,{base64.b64encode(signed).decode()}"
