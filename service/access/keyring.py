"""All keys that may be used now, in memory: looking one up costs no query, whether the key is right or wrong.

The database is asked for its keys every two seconds, so that a key that was made or revoked anywhere is known within
five. While the database is away, the keys that were known last go on being known, each until it expires.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import UTC, datetime
from enum import Enum
from itertools import count

import structlog

from service.access.grants import NOBODY, OPEN, Grant, Scope
from service.access.keys import LiveKey, digest_of, live_key, new_key
from service.errors import TaktlineError

POLL_EVERY = 2.0
"""Seconds between two looks into the database."""
READ_LIMIT = 2.0
"""Seconds that such a look may take."""

log = structlog.stdlib.get_logger("keys")


class Anonymous(Enum):
    """What callers without a key may do: the setting ANONYMOUS."""

    AUTO = "auto"
    """Everything until there is a key, then nothing."""
    NONE = "none"
    READ = "read"
    WRITE = "write"
    ALL = "all"


_AUTO = Anonymous.AUTO
_ALLOWED = {
    Anonymous.NONE: NOBODY,
    Anonymous.READ: Grant("anonymous", frozenset({Scope.READ})),
    Anonymous.WRITE: Grant("anonymous", frozenset({Scope.WRITE})),
    Anonymous.ALL: OPEN,
}


class Keyring:
    """The keys that may be used now, and what callers without one may do.

    `live` reads the keys from the database, `any_made` whether there has ever been one; `note_used` writes there which
    keys were used within the last minute.
    """

    def __init__(
        self,
        live: Callable[[], Awaitable[Iterable[LiveKey]]],
        any_made: Callable[[], Awaitable[bool]],
        note_used: Callable[[Collection[int]], Awaitable[None]],
        anonymous: Anonymous,
    ) -> None:
        self._read, self._any_made, self._note_used, self.setting = live, any_made, note_used, anonymous
        self._lent: dict[bytes, LiveKey] = {}
        self._keys: dict[bytes, LiveKey] = {}
        self._ids: dict[int | None, LiveKey] = {}
        self._used: set[int] = set()
        self._any_made_yet: bool | None = None
        """Whether there has ever been a key; None before the database was asked."""
        self._away = False
        self._allowed_before: set[tuple[int | None, Scope]] = set()
        """Who could do what, of which the listeners weren't told yet that it has ended."""
        self._lent_ids = count(-1, -1)
        self.listeners: list[Callable[[], Awaitable[None]]] = []
        """Called when somebody may no longer do what they could before: see admits()."""

    @property
    def anonymous(self) -> Grant:
        """What callers without a key may do now."""
        if self.setting is _AUTO:
            return OPEN if self._any_made_yet is False else NOBODY
        return _ALLOWED[self.setting]

    @property
    def is_open(self) -> bool:
        """Whether everything is open to everybody."""
        return self.anonymous is OPEN

    def find(self, key: str) -> Grant | None:
        """What a key grants; None where there is no such key, or it was revoked or has expired."""
        # Nobody learns anything from how long this takes: what is looked up is the digest of a guess, and by its
        # beginning nobody can come closer to a key.
        return self._use(self._keys.get(digest_of(key)))

    def find_by_id(self, key: int) -> Grant | None:
        """The same, given the id of a key, by which sessions and signed links name it."""
        return self._use(self._ids.get(key))

    def admits(self, grant: Grant) -> bool:
        """Whether a grant that was given before still holds. Long connections end where it doesn't."""
        if grant.key is None:
            return grant.scopes <= self.anonymous.scopes
        key = self._ids.get(grant.key)
        return key is not None and not _has_expired(key)

    def lend(self, name: str, scopes: Iterable[Scope]) -> str:
        """A key that only this process knows, for a part of its own. It isn't in the database."""
        key = new_key()
        made = live_key(next(self._lent_ids), name, digest_of(key), scopes, None, None, None)
        self._lent[made.digest] = made
        self._hold([*self._keys.values(), made])
        return key

    async def refresh(self) -> None:
        """Read the keys from the database. Raises a TaktlineError where that is impossible."""
        keys = list(await self._read())
        self._any_made_yet = self._any_made_yet or bool(keys) or await self._any_made()
        self._hold([*keys, *self._lent.values()])

    async def poll(self) -> None:
        """Go on reading the keys, and tell the listeners when somebody may no longer do something, until cancelled."""
        while True:
            await asyncio.sleep(POLL_EVERY)
            await self._try_to_refresh()
            before, self._allowed_before = self._allowed_before, self._allowed()
            if before - self._allowed_before:
                await self._tell()

    async def note_used(self) -> None:
        """Write to the database which keys were used since this was last done."""
        used = {key for key in self._used if key > 0}
        self._used.clear()
        if used:
            await self._note_used(used)

    def _use(self, found: LiveKey | None) -> Grant | None:
        if found is None or _has_expired(found):
            return None
        if found.grant.key is not None:
            self._used.add(found.grant.key)
        return found.grant

    def _hold(self, keys: Iterable[LiveKey]) -> None:
        self._keys = {key.digest: key for key in keys}
        self._ids = {key.grant.key: key for key in self._keys.values()}
        self._allowed_before |= self._allowed()

    def _allowed(self) -> set[tuple[int | None, Scope]]:
        """Who may do what: the ids of keys, None for callers without one, each with its scopes."""
        keys = (key.grant for key in self._keys.values() if not _has_expired(key))
        return {(grant.key, scope) for grant in (self.anonymous, *keys) for scope in grant.scopes}

    async def _try_to_refresh(self) -> None:
        try:
            async with asyncio.timeout(READ_LIMIT):
                await self.refresh()
        except (TaktlineError, TimeoutError) as exc:
            if not self._away:
                why = str(exc) or f"no answer within {READ_LIMIT:g} s"
                log.warning("the keys can't be read; those that were known last still hold", why=why)
            self._away = True
        except Exception:  # revoked keys have to be noticed whatever goes wrong once
            log.exception("the keys can't be read")
        else:
            if self._away:
                log.info("the keys can be read again")
            self._away = False

    async def _tell(self) -> None:
        for listener in self.listeners:
            try:
                await listener()
            except Exception:  # the others have to be told all the same
                log.exception("connections whose key has ended may still be open")


def _has_expired(key: LiveKey) -> bool:
    return key.expires is not None and key.expires <= datetime.now(UTC)
