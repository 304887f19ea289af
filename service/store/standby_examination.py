"""Looks at the hosts of DATABASE_READ_URL, each by a connection of its own: whether it is a standby of the primary, and
how well it can be read from. Nothing is changed."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

import asyncpg
import msgspec

from service.errors import Unavailable
from service.store.database import ANSWER_TIMEOUT, connection, session
from service.store.database_hosts import DatabaseHosts
from service.store.log_position import LogPosition, log_position
from service.store.queries import query
from service.store.server_words import in_words

if TYPE_CHECKING:
    from service.store.log_position import Connection

PATIENCE, PAUSE = 0.25, 0.02
"""Seconds that it may take to have what the primary had, as long as reads wait (service/store/standby_host.py), and
between two looks."""

Role = Literal["standby", "primary"]


class StandbyFound(msgspec.Struct, frozen=True):
    """What a host of DATABASE_READ_URL was found to be. `why` says why it wasn't reached; then nothing else is known.

    `bytes` are those of the log that it hadn't replayed 0.25 s after the primary had them, and `seconds` for how long
    what it had replayed last was committed before, where there are any. `same_cluster` and `same_database` say whether
    the system identifier and the database are those of the primary.
    """

    host: str
    why: str | None = None
    role: Role | None = None
    cluster: int | None = None
    same_cluster: bool = True
    same_database: bool = True
    timeline: str | None = None
    same_timeline: bool = True
    bytes: int = 0
    seconds: float | None = None
    postgresql: str | None = None
    timescaledb: str | None = None
    is_paused: bool = False
    delay: timedelta = timedelta()
    feedback: bool = True
    sees_all: bool = True

    @property
    def is_comparable(self) -> bool:
        """Whether it can ever have what the primary has."""
        return self.same_cluster and self.same_database and self.same_timeline


async def examine_standbys(url: str, hosts: DatabaseHosts, search_path: str) -> tuple[StandbyFound, ...]:
    """What each host of this address is to the primary. Raises what `connection` raises where the primary can't be
    asked."""
    async with connection(hosts, search_path) as con:
        wanted = await log_position(con, ANSWER_TIMEOUT)
    each = DatabaseHosts.of_standbys(url)
    return tuple(await asyncio.gather(*(_examine(one, search_path, wanted) for one in each)))


async def _examine(hosts: DatabaseHosts, search_path: str, wanted: LogPosition) -> StandbyFound:
    host, limit = hosts.in_use or hosts.place, hosts.limit(ANSWER_TIMEOUT)
    con = None
    try:
        async with asyncio.timeout(2 * limit):
            con = await hosts.connect(session(search_path), limit)
            return await _found(host, con, wanted)
    except TimeoutError:
        return StandbyFound(host, f"it doesn't answer within {limit:g} seconds")
    except (OSError, Unavailable, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as exc:
        return StandbyFound(host, in_words(exc) or type(exc).__name__)
    finally:
        if con is not None:
            con.terminate()


async def _found(host: str, con: "Connection", wanted: LogPosition) -> StandbyFound:
    found = await _following(con, wanted)
    [row] = await con.fetch(query("examined_standby"))
    known = dict(row)
    missing = 0 if found.parted_from(wanted) else max(0, wanted.position - found.position)
    if not missing:
        known["seconds"] = None
    return StandbyFound(
        host,
        role="standby" if found.is_standby else "primary",
        cluster=found.cluster,
        same_cluster=found.cluster == wanted.cluster,
        same_database=found.database == wanted.database,
        timeline=found.timeline,
        same_timeline=found.timeline == wanted.timeline,
        bytes=missing,
        **known,
    )


async def _following(con: "Connection", wanted: LogPosition) -> LogPosition:
    """Where it is once it has what is wanted, or after PATIENCE."""
    now = asyncio.get_running_loop().time
    until = now() + PATIENCE
    while True:
        found = await log_position(con, ANSWER_TIMEOUT)
        if found.parted_from(wanted) is not None or found.position >= wanted.position or now() > until:
            return found
        await asyncio.sleep(PAUSE)
