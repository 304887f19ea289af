"""Recognises poolers such as PgBouncer, and says what is wrong with one by which the service can't work.

In transaction mode, a pooler gives each transaction any session of the server. PgBouncer before 1.21 loses prepared
statements by that; what is worse, it does so only under load, long after the start.
"""

import asyncpg

from service.errors import DatabaseUnusable
from service.store.database_hosts import NAMED, DatabaseHosts
from service.store.queries import query

LOOKS = 5
"""How often two sessions are compared."""
LOST = (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError)
"""What the server says where a pooler has lost a prepared statement, or kept that of somebody else."""
NO_STATEMENTS = (
    "a pooler gives each transaction another session, and doesn't keep prepared statements. Taktline needs PgBouncer "
    "1.21 or later with max_prepared_statements above 0, or pool_mode = session: see docs/failover.md"
)
_UNSUPPORTED = "unsupported startup parameter"


def in_the_way(error: BaseException) -> str | None:
    """What has to be changed in a pooler that causes this error; None for other errors."""
    if isinstance(error, LOST):
        return NO_STATEMENTS
    if isinstance(error, asyncpg.ProtocolViolationError) and str(error).startswith(_UNSUPPORTED):
        name = str(error).rpartition(": ")[2]
        return (
            f"PgBouncer doesn't let the setting {name} through. Name it in ignore_startup_parameters, and let "
            "PgBouncer begin its sessions with it by connect_query: docs/failover.md has both lines"
        )
    return None


async def check_pooler(hosts: DatabaseHosts, con: "asyncpg.Connection[asyncpg.Record]", limit: float) -> None:
    """Raise DatabaseUnusable where a pooler is in between that hands sessions around and loses prepared statements.
    `limit` is how many seconds a further connection may take."""
    [row] = await con.fetch(query("pooler"))
    if row["renamed"] or row["process"] == con.get_server_pid():
        return
    # With one session for each client, which is well, two clients never get the same.
    other = await hosts.connect(NAMED, limit)
    try:
        processes: tuple[set[int], set[int]] = {row["process"]}, set()
        for _ in range(LOOKS):
            for one, seen in zip((other, con), reversed(processes), strict=True):
                [found] = await one.fetch(query("pooler"))
                seen.add(found["process"])
        first, second = processes
        if first & second or len(first) > 1 or len(second) > 1:
            raise DatabaseUnusable(f"The database at {hosts.place} can't be used: {NO_STATEMENTS}.")
    finally:
        other.terminate()
