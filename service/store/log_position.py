"""Where servers are in the log of their cluster, by which it is told whether a standby has what the primary has."""

from typing import TYPE_CHECKING, TypeAlias

import asyncpg
import msgspec

from service.store.queries import query

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]"


class LogPosition(msgspec.Struct, frozen=True):
    """A place in the log, in bytes since its beginning, on a timeline, of which a promotion begins a later one; of a
    cluster, whose copies share it, and a database in it. Nobody but sql/queries/log_position.sql makes one."""

    is_standby: bool
    cluster: int
    database: int
    timeline: str
    position: int

    def is_foreign_to(self, primary: "LogPosition") -> bool:
        """Whether it is of a database that will never have what the primary's has."""
        return (self.cluster, self.database) != (primary.cluster, primary.database)

    def parted_from(self, primary: "LogPosition") -> str | None:
        """Why the two places can't be compared; None where they can."""
        if self.is_foreign_to(primary):
            return "it is no standby of the database at DATABASE_URL, but another one"
        if self.timeline != primary.timeline:
            return f"it is on timeline {self.timeline}, and the primary on {primary.timeline}"
        return None


async def log_position(con: "Connection", limit: float) -> LogPosition:
    """Where the server of a connection is. Raises what the driver raises, and TimeoutError after `limit` seconds."""
    [row] = await con.fetch(query("log_position"), timeout=limit)
    return LogPosition(*row)
