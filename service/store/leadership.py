"""Decides which of several replicas does the maintenance.

The leader holds an advisory lock in a transaction that it keeps open on a connection of its own, without a snapshot, so
that it holds up neither vacuum nor anybody else. The lock is that of the transaction and not of the session, because
behind a connection pooler a session outlives the client that it was given to. When the leader ends, or its machine
vanishes, the lock is free, and another replica takes it.
"""

import asyncio

import asyncpg
import structlog

from service.errors import DatabaseUnusable
from service.store.database import DatabaseServer, connection
from service.store.database_hosts import DatabaseHosts
from service.store.queries import query

TRY_EVERY = 5.0
"""Seconds between two attempts to lead, and between two signs of life of the leader. The server gives up a leader of
whom it has heard nothing for four times as long: see sql/queries/stay_leader.sql. So another one leads within half a
minute, whatever has become of the one before."""
ANSWER_TIMEOUT = 30.0
"""Seconds that the database may take to answer one of them."""

_FAILURES = (
    DatabaseUnusable,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # where the server has said that it ends, and the connection is still there
    OSError,
)
"""What a connection may fail with, after which another one is made."""

log = structlog.stdlib.get_logger("maintenance")


class Leadership:
    """Whether this replica leads. On the embedded engine, which has a single service, it always does."""

    def __init__(
        self, database: str | DatabaseHosts, search_path: str, server: DatabaseServer, *, pause: float = TRY_EVERY
    ) -> None:
        self._hosts, self._search_path, self._pause = DatabaseHosts.of(database), search_path, pause
        self._alone = server.embedded
        self.leads = self._alone
        """Whether it does so at the moment."""

    async def keep(self) -> None:
        """Try to lead until cancelled, again whenever the lead was lost."""
        while not self._alone:
            try:
                async with connection(self._hosts, self._search_path) as con:
                    await self._stand(con)
            except _FAILURES as exc:
                log.debug("no connection to lead by", why=str(exc))
            finally:
                self._note(leads=False)
            await asyncio.sleep(self._pause)

    async def _stand(self, con: "asyncpg.Connection[asyncpg.Record]") -> None:
        """Try to lead, and then lead, until the connection ends."""
        try:
            while True:
                await con.execute("begin", timeout=ANSWER_TIMEOUT)
                while await self._has_lock(con):
                    self._note(leads=True)
                    await asyncio.sleep(self._pause)
                await con.execute("rollback", timeout=ANSWER_TIMEOUT)
                await asyncio.sleep(self._pause)
        finally:
            con.terminate()  # and no ROLLBACK, which would wait for a database that hangs

    async def _has_lock(self, con: "asyncpg.Connection[asyncpg.Record]") -> bool:
        leads: bool = await con.fetchval(query("lead"), timeout=ANSWER_TIMEOUT)
        # A query of the simple protocol also closes the portal of the one before, which would keep its snapshot.
        await con.execute(query("stay_leader"), timeout=ANSWER_TIMEOUT)
        return leads

    def _note(self, *, leads: bool) -> None:
        if leads is not self.leads:
            self.leads = leads
            log.info("this replica does the maintenance" if leads else "this replica leaves the maintenance to others")
