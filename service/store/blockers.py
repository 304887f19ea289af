"""Finds out who keeps the service's transactions waiting: for a lock, or for a standby that has to confirm them; and
ends the sessions of services that stand still."""

from datetime import datetime, timedelta

import asyncpg
import msgspec
import structlog

from service.store.database import DatabaseServer
from service.store.pool import Pool

ASKING_TIMEOUT = 2.0
"""Seconds that the database may take to answer, when it keeps the service waiting anyway."""
FROZEN_AFTER = timedelta(seconds=10)
"""How long a session may have been writing rows and still wait for some from its service: as long as one may stand
still between two statements, which sql/queries/insert_batches.sql sets."""

log = structlog.stdlib.get_logger("sessions")


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
        self._frozen: set[tuple[int, datetime]] = set()
        """The sessions that waited at the last look, and since when: one look could find a service by chance between
        two pieces of what it sends."""

    async def find(self) -> list[Blocker | AwaitedStandbys]:
        """The first few blockers, and standbys that are waited for. Raises Unavailable where the database doesn't say
        within ASKING_TIMEOUT."""
        if self._embedded:
            return []
        blockers = [_blocker(row) for row in await self._pool.ask("blockers", within=ASKING_TIMEOUT)]
        awaited = await self._pool.ask("awaited_standbys", within=ASKING_TIMEOUT)
        return [*blockers, *(AwaitedStandbys(row["names"]) for row in awaited)]

    async def end_frozen(self) -> None:
        """End the sessions of services that have stood still while they write, if they did so at the last look as well.
        If such a service goes on, it writes again what wasn't committed, under the same receipt. Raises Unavailable."""
        if self._embedded:
            return
        pids, since = [pid for pid, _ in self._frozen], [since for _, since in self._frozen]
        rows = await self._pool.read("end_frozen", pids, since, FROZEN_AFTER)
        for row in rows:
            if row["is_ended"]:
                log.warning("ended the session of a service that stands still while it writes", pid=row["pid"])
        self._frozen = {(row["pid"], row["since"]) for row in rows if not row["is_ended"]}


def _blocker(row: asyncpg.Record) -> Blocker:
    return Blocker(row["pid"], row["application"], row["state"], row["seconds"])
