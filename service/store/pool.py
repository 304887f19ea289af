"""The pool of connections, which turns failures of the database into the service's own errors."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, cast

import asyncpg
import msgspec

from service.errors import BadReading, DatabaseUnusable, InDoubt, TooMuchAtOnce, Unavailable
from service.store.database_hosts import DatabaseHosts
from service.store.pooler import in_the_way
from service.store.queries import READ_TIMEOUT, Edition, query, without_comments
from service.store.server_words import in_words
from service.store.snapshot import Snapshot, Upto, begin_snapshot, end_snapshot, snapshot_of

CONNECT_TIMEOUT, ACQUIRE_TIMEOUT = 5.0, 5.0
"""Seconds that a connection may take to be made, unless the address says how many, and that it may be waited for, which
includes that."""
RELEASE_TIMEOUT = 2.0
"""Seconds that a server may take to stop a query that was cancelled; then the connection is cut."""
CLOSE_TIMEOUT = 0.5
"""Seconds that a pool may take to close its connections in good order; then they are cut."""
WORK_TIMEOUT = 600.0
"""Seconds that one maintenance statement, such as the refresh of a rollup, may take."""

PLANNED = {"plan_cache_mode": "force_custom_plan", "jit": "off"}
"""Settings for sessions that read. Every query is planned for the values of its parameters, since only then does
planning skip the chunks outside of its bounds. JIT compilation is off, because it takes longer than any of the
queries."""

REFRESHING = {"synchronous_commit": "off", "work_mem": "64MB", "enable_sort": "off"}
"""Settings for sessions that refresh rollups, beside PLANNED. What is refreshed needn't survive a crash: the marks,
which are deleted later, are there again as well. A refresh that sorts, because the planner takes the buckets for many,
takes twice as long."""

COMMIT = "COMMIT;"
"""Ends what was written. Tests that cut connections know it from the end of a snapshot by its writing."""

_DATA_ERRORS = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
)

_TOO_MUCH = (
    asyncpg.OutOfMemoryError,  # also where there are too few locks, of which each chunk takes one
    asyncpg.ConfigurationLimitExceededError,
    asyncpg.QueryCanceledError,  # after statement_timeout
)

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy as Connection


class Pool:
    """Connections whose failures are raised as Unavailable (try again) or BadReading (trying again is useless)."""

    def __init__(self, pool: "asyncpg.Pool[asyncpg.Record]", edition: Edition, hosts: DatabaseHosts) -> None:
        self.connections, self.edition, self.hosts = pool, edition, hosts
        self._patience = max(ACQUIRE_TIMEOUT, hosts.limit(CONNECT_TIMEOUT))
        self._ending: set[asyncio.Task[None]] = set()
        self.unusable: str | None = None
        """Why nothing may be done with the database, in a sentence; None where all is well."""

    @property
    def idle(self) -> int:
        """How many connections are open and not in use."""
        return self.connections.get_idle_size()

    async def read(self, name: str, *args: object, down: bool | None = None) -> list[asyncpg.Record]:
        """The rows of the query in `sql/queries/<name>.sql`, with the order filled in where it leaves that open."""
        async with self.connection() as con:
            text = query(name, down=down, edition=self.edition)
            return await con.fetch(text, *args, timeout=READ_TIMEOUT)

    async def ask(self, name: str, *args: object, within: float) -> list[asyncpg.Record]:
        """The rows of a query that is quick where all is well. Raises Unavailable after `within` seconds, whatever the
        connection hangs in."""
        try:
            async with asyncio.timeout(within), self.connection() as con:
                try:
                    return await con.fetch(query(name, edition=self.edition), *args)
                except asyncio.CancelledError:
                    con.terminate()  # or its release would wait until the server has confirmed the cancellation
                    raise
        except TimeoutError as exc:
            raise Unavailable(f"The database doesn't answer within {within:g} seconds.") from exc

    async def execute(self, name: str, *args: object) -> str:
        """Run the query in `sql/queries/<name>.sql` outside a transaction, and return its command tag."""
        async with self.connection() as con:
            return await con.execute(query(name, edition=self.edition), *args, timeout=WORK_TIMEOUT)

    async def confirm(self, name: str, *args: object) -> list[asyncpg.Record]:
        """The rows of a query that writes what somebody is told of right after: in a transaction of its own, since
        only then the server's warnings at its COMMIT are noticed. Raises InDoubt where it warns."""
        async with self.transaction(READ_TIMEOUT) as con:
            return await con.fetch(query(name, edition=self.edition), *args, timeout=READ_TIMEOUT)

    async def copy(self, name: str, *args: object) -> tuple[bytes, int]:
        """What COPY writes in its binary format for the query in `sql/queries/<name>.sql`, and the number of rows."""
        pieces: list[bytes] = []

        async def keep(piece: bytes) -> None:
            pieces.append(piece)

        text = without_comments(query(name, edition=self.edition))
        async with self.connection() as con:
            copying = asyncio.create_task(con.copy_from_query(text, *args, output=keep, format="binary"))
            try:
                async with asyncio.timeout(READ_TIMEOUT):
                    done = await asyncio.shield(copying)
            except (TimeoutError, asyncio.CancelledError):
                con.terminate()  # asyncpg can't go on after a COPY that was cancelled
                copying.add_done_callback(_leave_failure)
                raise
        return b"".join(pieces), int(done.split()[-1])

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Snapshot]:
        """One state of the database for several queries. Nobody waits for its end: where readings come fast, each
        question to the database waits long for its turn."""
        async with AsyncExitStack() as held:
            con = await held.enter_async_context(self.connection())
            # BEGIN has no timeout of its own, and would wait for ever where the server has become unreachable
            held.callback(asyncio.get_running_loop().call_later(2 * READ_TIMEOUT, con.terminate).cancel)
            await begin_snapshot(con)
            held.push_async_callback(end_snapshot, con)
            yield await snapshot_of(con, self.edition)
            ending = asyncio.create_task(held.pop_all().aclose())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            ending.add_done_callback(_leave_failure)

    async def upto(self) -> Upto:
        """Up to where rollups are materialised at this moment, for a statement that follows."""
        if self.edition != "community":
            return None
        [[upto]] = await self.read("upto")
        return cast("Upto", upto)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["Connection[asyncpg.Record]"]:
        """A connection for several statements."""
        if self.unusable is not None:
            raise Unavailable(self.unusable)
        try:
            con = await self.connections.acquire(timeout=self._patience)
            try:
                with self.hosts.watched():
                    yield con
            except asyncpg.ReadOnlySQLTransactionError:
                con.terminate()  # behind a proxy, the next connection may lead to the primary
                await self.connections.release(con)
                raise
            except asyncio.CancelledError:
                # until the server has confirmed that it stops the query, which a silent one doesn't
                releasing = asyncio.create_task(self.connections.release(con, timeout=RELEASE_TIMEOUT))
                releasing.add_done_callback(_leave_failure)
                await asyncio.wait([releasing])
                raise
            except BaseException:
                await self.connections.release(con)
                raise
            else:
                await self.connections.release(con)
        except _DATA_ERRORS as exc:
            raise BadReading(f"The database refuses this: {in_words(exc)}.") from exc
        except _TOO_MUCH as exc:
            raise TooMuchAtOnce(f"The database can't do this in one transaction: {in_words(exc)}.") from exc
        except asyncpg.DiskFullError as exc:
            raise Unavailable(f"The disk of the database is full: {in_words(exc)}.") from exc
        except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError) as exc:
            raise Unavailable(f"The database can't do this now: {in_the_way(exc) or in_words(exc)}.") from exc
        except DatabaseUnusable as exc:
            raise Unavailable(exc.detail) from exc
        except TimeoutError as exc:
            raise Unavailable("The database doesn't answer in time.") from exc
        except OSError as exc:
            raise Unavailable(f"The database doesn't answer: {in_words(exc) or type(exc).__name__}.") from exc

    @asynccontextmanager
    async def transaction(self, limit: float, beginning: str = "begin") -> AsyncIterator["Connection[asyncpg.Record]"]:
        """A connection in a transaction, which the statement `beginning` begins. Raises Unavailable after `limit`
        seconds, since the operating system would wait for much longer where the server has become unreachable, and
        InDoubt where the server doesn't vouch for the COMMIT."""
        async with self.connection() as con:
            ending = asyncio.get_running_loop().call_later(limit, con.terminate)
            try:
                await con.execute(beginning)
                yield con
                await _commit(con)
            except asyncio.CancelledError:
                con.terminate()  # and no ROLLBACK, which would wait for the database as well
                raise
            except Exception:
                # Where the connection is lost, the rollback fails as well; the first error is the one to raise.
                try:
                    with suppress(asyncpg.InterfaceError, asyncpg.PostgresConnectionError, OSError):
                        await con.execute("rollback")
                except asyncpg.InternalClientError:  # the driver doesn't know what it was doing
                    con.terminate()
                raise
            finally:
                ending.cancel()


async def _commit(con: "Connection[asyncpg.Record]") -> None:
    """End the transaction. Raises InDoubt where the server warns: what it has committed may be lost, as when somebody
    has cancelled its wait for the standby that has to have it as well; or it knows of no transaction."""
    warnings: list[str] = []

    def note(_: object, message: asyncpg.PostgresLogMessage) -> None:
        if message.severity_en == "WARNING":
            warnings.append(in_words(message))

    con.add_log_listener(note)
    try:
        done = await con.execute(COMMIT)
    finally:
        with suppress(asyncpg.InterfaceError):  # where the connection was lost, the pool has it back already
            con.remove_log_listener(note)
    if warnings or done != "COMMIT":
        raise InDoubt(f"The database doesn't vouch for what was written: {'; '.join(warnings) or done}.")


def _leave_failure(done: "asyncio.Task[object]") -> None:
    """Take note of how it ended, so that nobody is told that it failed: the connection was cut then."""
    if not done.cancelled():
        done.exception()


@asynccontextmanager
async def open_pool(hosts: DatabaseHosts, settings: dict[str, str], size: int, edition: Edition) -> AsyncIterator[Pool]:
    """A pool of at most `size` connections, which is closed when the context ends."""

    async def connect(*_: object, **__: object) -> "asyncpg.Connection[asyncpg.Record]":
        return await hosts.connect(settings, CONNECT_TIMEOUT)

    # No minimum size: a pool that tries to keep one fills the log with tracebacks while the database is away.
    pool = asyncpg.create_pool(min_size=0, max_size=size, connect=connect, init=_init_connection, reset=_leave_as_it_is)
    async with pool:
        try:
            yield Pool(pool, edition, hosts)
        finally:
            # close() would wait for ever for connections that are in use
            try:
                await asyncio.wait_for(pool.close(), CLOSE_TIMEOUT)
            except TimeoutError:
                pool.terminate()


async def _leave_as_it_is(con: "asyncpg.Connection[asyncpg.Record]") -> None:
    """Do nothing in place of asyncpg's reset: the service changes no settings outside a transaction, so that a reset
    would only cost a round trip."""


async def _init_connection(con: "asyncpg.Connection[asyncpg.Record]") -> None:
    # jsonb goes in and out as JSON text; its binary form is a version byte and the text
    await con.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda text: b"\x01" + text,
        decoder=lambda data: msgspec.Raw(bytes(data[1:])),
    )
