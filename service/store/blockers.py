"""Finds out who keeps the service's transactions waiting: for a lock, or for a standby that has to confirm them."""

import asyncpg
import msgspec

from service.store.database import DatabaseServer
from service.store.pool import Pool

ASKING_TIMEOUT = 2.0
"""Seconds that the database may take to answer, when it keeps the service waiting anyway."""


class Blocker(msgspec.Struct, frozen=True):
    """A session that holds a lock for which a transaction of the service waits. What the service may not see is
    None."""

    pid: int
    application: str | None
    state: str | None
    seconds: float | None

    def __str__(self) -> str:
        known = [one for one in (self.application, self.state) if one]
        if self.seconds is not None:
            known.append(f"for {self.seconds:.0f} seconds")
        described = f" ({', '.join(known)})" if known else ""
        return f"Session {self.pid} of the database{described} holds a lock that they wait for."


class AwaitedStandbys(msgspec.Struct, frozen=True):
    """Standbys, as synchronous_standby_names says, for which a COMMIT of the service waits."""

    names: str

    def __str__(self) -> str:
        return f"COMMIT waits for a standby to confirm it (synchronous_standby_names = '{self.names}')."


class Blockers:
    """Looks for blockers; the embedded engine has none, because it has a single session."""

    def __init__(self, pool: Pool, server: DatabaseServer) -> None:
        self._pool, self._embedded = pool, server.embedded

    async def find(self) -> list[Blocker | AwaitedStandbys]:
        """The first few blockers, and standbys that are waited for. Raises Unavailable where the database doesn't say
        within ASKING_TIMEOUT."""
        if self._embedded:
            return []
        blockers = [_blocker(row) for row in await self._pool.ask("blockers", within=ASKING_TIMEOUT)]
        awaited = await self._pool.ask("awaited_standbys", within=ASKING_TIMEOUT)
        return [*blockers, *(AwaitedStandbys(row["names"]) for row in awaited)]


def _blocker(row: asyncpg.Record) -> Blocker:
    return Blocker(row["pid"], row["application"], row["state"], row["seconds"])
