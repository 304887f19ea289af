"""One host of DATABASE_READ_URL: whether it can be read from, and connections to it that have what the primary has."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Literal, assert_never

import asyncpg
import msgspec
import structlog

from service.errors import DatabaseUnusable, TooMuchAtOnce, Unavailable
from service.store.database_hosts import DatabaseHosts
from service.store.log_position import LogPosition, log_position
from service.store.pool import Pool
from service.store.server_words import in_words

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy as Connection

    from service.store.log_position import Connection as AnyConnection

PATIENCE = 0.25
"""Seconds that a read may wait for a standby, for a connection and for what the primary has, before it goes to the
primary."""
SHORTEST, LONGEST = 0.001, 0.016
"""Seconds between two looks at how far a standby is: at first, and at most."""
LOOK_EVERY, LOOK_LIMIT = 2.0, 2.0
"""Seconds between two looks at a standby that nobody waits for, and that it may take to answer one."""

Standing = Literal["used", "primary", "behind", "busy", "away"]
"""What a host is to reads: read from; the primary itself, which is passed over among several hosts; not as far as the
primary; without a free connection; or not there, which includes that it isn't a standby of the primary."""

_FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, ValueError)
"""What a host may fail with; TimeoutError is an OSError."""
_REFUSALS = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.ClientConfigurationError)
"""What trying again doesn't mend."""

_CUT = (asyncpg.PostgresConnectionError, asyncpg.InterfaceError, asyncpg.AdminShutdownError)
"""What it fails with where a connection was cut."""

log = structlog.stdlib.get_logger("standbys")


class StandbyFailed(Unavailable):
    """A standby failed in the middle of a read; the primary can be asked."""


class Unfit(Exception):
    """A host can't be read from at the moment."""

    def __init__(self, standing: Standing, why: str) -> None:
        super().__init__(why)
        self.standing, self.why = standing, why


class StandbyState(msgspec.Struct, frozen=True):
    """What a host is to reads, and why, where it isn't used."""

    host: str
    standing: Standing
    why: str = ""

    @property
    def trouble(self) -> str | None:
        """A sentence where it should be read from and isn't."""
        if self.standing in ("behind", "away"):
            return f"The standby {self.host} isn't read from: {self.why}."
        return None


class StandbyHost:
    """A host from which is read as long as it keeps up.

    `wanted` tells where the primary is in the log. A host that is `alone` may turn out to be the primary, as one behind
    a load balancer may.
    """

    def __init__(
        self,
        hosts: DatabaseHosts,
        pool: Pool,
        settings: Mapping[str, str],
        wanted: Callable[[], Awaitable[LogPosition]],
        *,
        alone: bool,
    ) -> None:
        self._hosts, self._pool, self._settings = hosts, pool, settings
        self._wanted, self._alone = wanted, alone
        self._own: asyncpg.Connection[asyncpg.Record] | None = None
        self._look_now, self._closed = asyncio.Event(), False
        self._connecting: set[asyncio.Task[None]] = set()
        self.state = StandbyState(hosts.in_use or hosts.place, "away", "nobody has looked at it yet")

    @property
    def is_used(self) -> bool:
        """Whether it can be read from, as far as is known."""
        return self.state.standing == "used"

    @asynccontextmanager
    async def connection(self, wanted: LogPosition, until: float) -> AsyncIterator["Connection[asyncpg.Record]"]:
        """A connection to it, once it has all that the primary had at that place. Raises Unfit where that can't be had
        by the time `until`, and StandbyFailed where it fails after that."""
        con = None
        try:
            async with AsyncExitStack() as stack:
                con = await self._lend(stack, wanted, until)
                yield con
        except Unfit as exc:
            if exc.standing != "busy":
                self._leave(exc.standing, exc.why)
            raise
        except Unavailable as exc:
            if con is None:
                self._leave("away", exc.detail.rstrip("."))
                raise Unfit("away", exc.detail) from exc
            if isinstance(exc, TooMuchAtOnce) or isinstance(exc.__cause__, TimeoutError):
                raise  # the primary would do no better
            if _is_gone(con):
                self._leave("away", "it has cut a connection")
            raise StandbyFailed(exc.detail) from exc

    async def watch(self) -> None:
        """Look at it again and again, until it is closed."""
        while not self._closed:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY):
                    await self._look_now.wait()
            self._look_now.clear()
            try:
                await self.look()
            except Exception:  # nobody waits for this task
                log.exception("a standby could not be looked at", host=self.state.host)

    async def close(self) -> None:
        """Look no more."""
        self._closed = True
        for task in self._connecting:
            task.cancel()
        await asyncio.gather(*self._connecting, return_exceptions=True)
        if self._own is not None:
            self._own.terminate()

    async def look(self, *, at_start: bool = False) -> None:
        """Find out what it is to reads; all connections to it are cut where it doesn't answer. With `at_start`, raises
        DatabaseUnusable where trying again is useless."""
        try:
            wanted = await self._wanted()
        except Unavailable:
            return  # nothing can be read then
        try:
            await self._try(wanted, at_start=at_start)
        except Unfit as exc:
            self._become(exc.standing, exc.why)
        except _FAILURES as exc:
            if at_start and isinstance(exc, _REFUSALS):
                raise DatabaseUnusable(f"DATABASE_READ_URL can't be used: {self.state.host}: {in_words(exc)}.") from exc
            silent = f"it doesn't answer within {self._hosts.limit(LOOK_LIMIT):g} seconds"
            self._become("away", silent if isinstance(exc, TimeoutError) else in_words(exc) or type(exc).__name__)
            self._hosts.cut()
        else:
            self._become("used")

    async def _try(self, wanted: LogPosition, *, at_start: bool) -> None:
        now = asyncio.get_running_loop().time
        if self._own is not None and not self._own.is_closed():
            with suppress(*_CUT):  # it may have been started again since
                await self._follow(self._own, wanted, now() + PATIENCE, now() + PATIENCE + LOOK_LIMIT)
                return
            self._own.terminate()
        async with asyncio.timeout(self._hosts.limit(LOOK_LIMIT)):
            self._own = await self._hosts.connect(self._settings, LOOK_LIMIT)
        if at_start and (await log_position(self._own, LOOK_LIMIT)).is_foreign_to(wanted):
            raise DatabaseUnusable(
                f"DATABASE_READ_URL can't be used: {self.state.host} is no standby of the database at DATABASE_URL, "
                "but another database."
            )
        await self._follow(self._own, wanted, now() + PATIENCE, now() + PATIENCE + LOOK_LIMIT)

    async def _lend(self, stack: AsyncExitStack, wanted: LogPosition, until: float) -> "Connection[asyncpg.Record]":
        now = asyncio.get_running_loop().time
        if not self._pool.idle:
            # one that is being made isn't given up, or under load none ever would be ready in time
            connecting = asyncio.create_task(self._connect())
            self._connecting.add(connecting)
            connecting.add_done_callback(self._connecting.discard)
            await asyncio.wait([connecting], timeout=until - now())
        try:
            async with asyncio.timeout_at(until):
                con = await stack.enter_async_context(self._pool.connection())
        except TimeoutError as exc:
            raise Unfit("busy", "no connection to it is free") from exc
        try:
            await self._follow(con, wanted, until, until)
        except _FAILURES as exc:
            con.terminate()
            raise Unfit("away", in_words(exc) or f"it doesn't answer within {PATIENCE:g} seconds") from exc
        return con

    async def _connect(self) -> None:
        """Make a connection, or wait until one is free."""
        try:
            async with self._pool.connection():
                pass
        except Unavailable as exc:
            self._leave("away", exc.detail.rstrip("."))

    async def _follow(self, con: "AnyConnection", wanted: LogPosition, until: float, silent: float) -> None:
        """Return when it has what is wanted. Raises Unfit where it hasn't by the time `until`, and TimeoutError where
        it has said nothing by the time `silent`."""
        now, pause = asyncio.get_running_loop().time, SHORTEST
        while True:
            found = await log_position(con, max(SHORTEST, silent - now()))
            if (why := found.parted_from(wanted)) is not None:
                raise Unfit("away", why)
            if not (found.is_standby or self._alone):
                raise Unfit("primary", "it is the primary")
            if found.position >= wanted.position:
                return
            if now() + pause > until:
                missing = wanted.position - found.position
                raise Unfit("behind", f"it is behind, with {missing:,} bytes of the log still to come")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST)

    def _leave(self, standing: Standing, why: str) -> None:
        """Read from it no more, until another look has found that it can be."""
        self._become(standing, why)
        self._look_now.set()

    def _become(self, standing: Standing, why: str = "") -> None:
        before, self.state = self.state, StandbyState(self.state.host, standing, why)
        if standing == before.standing:
            return
        match standing:
            case "used":
                log.info("a standby is read from", host=self.state.host)
            case "primary":
                log.info("a host of the standbys is the primary, and isn't read from", host=self.state.host)
            case "away":
                log.warning("a standby isn't read from", host=self.state.host, why=why)
            case "behind" | "busy":
                log.info("a standby isn't read from", host=self.state.host, why=why)
            case _:
                assert_never(standing)


def _is_gone(con: "Connection[asyncpg.Record]") -> bool:
    try:
        return bool(con.is_closed())
    except asyncpg.InterfaceError:  # the pool has it back already
        return True
