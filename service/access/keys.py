"""The keys by which callers are known: how one is made, and what the service remembers of it."""

import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

from service.access.grants import Grant, Scope, implied

PREFIX = "tk_"
"""How every key begins, so that people and programs that look for leaked keys recognise one."""
BYTES = 32
"""The random bytes of a key."""
_LIKE_A_KEY = re.compile(re.escape(PREFIX) + r"[A-Za-z0-9_-]{16,}")


def new_key() -> str:
    """A key that nobody can guess, of letters, digits, `_` and `-` alone, so that it needs no quoting anywhere."""
    return PREFIX + secrets.token_urlsafe(BYTES)


def without_keys(text: str, instead: str) -> str:
    """The text with `instead` in the place of whatever looks like a key."""
    return _LIKE_A_KEY.sub(instead, text)


def digest_of(key: str) -> bytes:
    """What is kept in place of a key: its SHA-256."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


class NewKey(msgspec.Struct, frozen=True):
    """A key that is to be made: its name and what it may do, for how long if not for ever. `series` and `rate` are
    those of a Grant."""

    name: str
    scopes: frozenset[Scope]
    series: tuple[str, ...] | None = None
    rate: float | None = None
    expires_in: timedelta | None = None


class LiveKey(msgspec.Struct, frozen=True):
    """A key that may be used now, and what it grants."""

    digest: bytes
    grant: Grant
    expires: datetime | None


class KeyRecord(msgspec.Struct, frozen=True):
    """What people are shown of a key. `used` is to the minute."""

    name: str
    scopes: tuple[Scope, ...]
    series: tuple[str, ...] | None
    rate: float | None
    created: datetime
    expires: datetime | None
    used: datetime | None
    revoked: datetime | None


def live_key(
    identity: int,
    name: str,
    digest: bytes,
    scopes: Iterable[Scope],
    series: tuple[str, ...] | None,
    rate: float | None,
    expires: datetime | None,
) -> LiveKey:
    """The key with this id, and what its scopes grant together with those that they imply."""
    return LiveKey(digest, Grant(name, implied(scopes), identity, series, rate), expires)
