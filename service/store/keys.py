"""The keys by which callers are known, in the database."""

import asyncio
import secrets
from collections.abc import Collection

import asyncpg

from service.access.grants import Scope
from service.access.keys import KeyRecord, LiveKey, NewKey, live_key
from service.errors import InDoubt
from service.store.pool import Pool
from service.store.queries import query

SIGNING = "signing"
LIMIT = 10.0
"""Seconds that making a key, or revoking it, may take."""
ATTEMPTS, PAUSE = 3, 0.5
"""How often it is tried to revoke a key where the database doesn't vouch for it, and the seconds between two times."""


class Keys:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def live(self) -> tuple[LiveKey, ...]:
        """The keys that may be used now."""
        return tuple(_live(row) for row in await self._pool.read("live_keys"))

    async def any(self) -> bool:
        """Whether there has ever been a key, even if it was revoked since."""
        [[found]] = await self._pool.read("any_keys")
        return bool(found)

    async def all(self, *, revoked: bool) -> tuple[KeyRecord, ...]:
        """All keys in the order in which they were made, those that were revoked only if asked for."""
        return tuple(_record(row) for row in await self._pool.read("all_keys", revoked))

    async def add(self, new: NewKey, digest: bytes) -> bool:
        """Add a key. False where a key of its name may still be used. A key of its name that has expired gives the
        name up."""
        series = None if new.series is None else list(new.series)
        scopes = sorted(scope.value for scope in new.scopes)
        async with self._pool.transaction(LIMIT) as con:
            await con.execute(query("retire_key"), new.name)
            text = query("insert_key")
            return bool(await con.fetch(text, new.name, digest, scopes, series, new.rate, new.expires_in))

    async def signing_secret(self) -> bytes:
        """The secret with which sessions and links are signed, the same for all replicas. It is made when it is first
        asked for. Raises InDoubt where it may be lost, and with it whatever would be signed."""
        while not (found := await self._pool.read("secret", SIGNING)):
            await self._pool.confirm("make_secret", SIGNING, secrets.token_bytes(32))
        return bytes(found[0]["value"])

    async def revoke(self, name: str) -> bool:
        """Revoke the key of this name; False where there is none. Raises InDoubt where the key may be back after a
        failover, even when that was tried again."""
        revoked = False
        for left in reversed(range(ATTEMPTS)):
            try:
                async with self._pool.transaction(LIMIT) as con:
                    revoked |= any(row["was_valid"] for row in await con.fetch(query("revoke_key"), name))
            except InDoubt:
                if not left:
                    raise
                await asyncio.sleep(PAUSE)
            else:
                break
        return revoked

    async def note_used(self, keys: Collection[int]) -> None:
        """Note that the keys with these ids were used within the last minute."""
        await self._pool.execute("note_used_keys", sorted(keys))


def _live(row: asyncpg.Record) -> LiveKey:
    return live_key(row["id"], row["name"], row["digest"], _scopes(row), _series(row), row["rate"], row["expires"])


def _record(row: asyncpg.Record) -> KeyRecord:
    times = (row["created"], row["expires"], row["used"], row["revoked"])
    return KeyRecord(row["name"], _scopes(row), _series(row), row["rate"], *times)


def _scopes(row: asyncpg.Record) -> tuple[Scope, ...]:
    """The scopes in their usual order; those that only a later version knows grant nothing here."""
    return tuple(scope for scope in Scope if scope.value in row["scopes"])


def _series(row: asyncpg.Record) -> tuple[str, ...] | None:
    return None if row["series"] is None else tuple(row["series"])
