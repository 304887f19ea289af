"""Reads from standbys whatever they have in time, and the rest from the primary, so that whoever reads sees everything
that was acknowledged before."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

import asyncpg

from service.errors import Unavailable
from service.store.database_hosts import DatabaseHosts
from service.store.log_position import LogPosition, log_position
from service.store.pool import Pool, open_pool
from service.store.queries import READ_TIMEOUT
from service.store.standby_host import PATIENCE, StandbyFailed, StandbyHost, StandbyState, Standing, Unfit

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy as Connection

P = ParamSpec("P")
R = TypeVar("R")

_primary_alone: ContextVar[bool] = ContextVar("primary_alone", default=False)


class ReadCounts(Protocol):
    """Where reads are counted that may be answered by standbys."""

    def read_by_standby(self, seconds: float) -> None:
        """Count one that a standby answers, which had what the primary has after so many seconds."""

    def read_by_primary(self, why: str) -> None:
        """Count one that the primary has to answer."""


def reread(method: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """A method that reads all over again, from the primary, where a standby fails in the middle of it."""

    @wraps(method)
    async def read(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return await method(*args, **kwargs)
        except StandbyFailed:
            with _from_primary():
                return await method(*args, **kwargs)

    return read


@contextmanager
def _from_primary() -> Iterator[None]:
    token = _primary_alone.set(True)
    try:
        yield
    finally:
        _primary_alone.reset(token)


class ReadingPool(Pool):
    """Connections to standbys that have what the primary has, and otherwise to the primary."""

    def __init__(self, primary: Pool, counts: ReadCounts) -> None:
        super().__init__(primary.connections, primary.edition, primary.hosts)
        self._primary, self._counts = primary, counts
        self._standbys: Sequence[StandbyHost] = ()
        self._turn = 0

    @property
    def states(self) -> list[StandbyState]:
        """What each standby is to reads."""
        return [one.state for one in self._standbys]

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["Connection[asyncpg.Record]"]:
        """A connection for several statements, each of which sees all that was committed before this was called."""
        try:
            async with AsyncExitStack() as stack:
                con = None if self._primary.unusable else await self._to_standby(stack)
                yield con if con is not None else await stack.enter_async_context(self._primary.connection())
        except StandbyFailed:
            self._counts.read_by_primary("failed")
            raise

    @reread
    async def read(self, name: str, *args: object, down: bool | None = None) -> list[asyncpg.Record]:
        return await super().read(name, *args, down=down)

    @reread
    async def copy(self, name: str, *args: object) -> tuple[bytes, int]:
        return await super().copy(name, *args)

    async def wanted(self) -> LogPosition:
        """Where the primary is in the log. Raises Unavailable where it can't be asked."""
        async with self._primary.connection() as con:
            position = await log_position(con, READ_TIMEOUT)
            if position.is_standby:
                con.terminate()  # behind a proxy, the next connection may lead to the primary
                raise Unavailable("The database is a read-only replica.")
        return position

    async def _to_standby(self, stack: AsyncExitStack) -> "Connection[asyncpg.Record] | None":
        if _primary_alone.get():
            return None
        used, why = [one for one in self._standbys if one.is_used], self._why_none()
        if used:
            wanted, now = await self.wanted(), asyncio.get_running_loop().time
            began = now()
            self._turn += 1
            for number in range(len(used)):
                standby = used[(self._turn + number) % len(used)]
                try:
                    con = await stack.enter_async_context(standby.connection(wanted, began + PATIENCE))
                except Unfit as exc:
                    why = exc.standing
                else:
                    self._counts.read_by_standby(now() - began)
                    return con
        self._counts.read_by_primary(why)
        return None

    def _why_none(self) -> Standing:
        """Why none of the standbys can be read from, where that is so."""
        return "behind" if any(one.state.standing == "behind" for one in self._standbys) else "away"

    @asynccontextmanager
    async def following(self, standbys: Sequence[StandbyHost]) -> AsyncIterator[None]:
        """Read from these until the block ends, after a first look at each. Raises DatabaseUnusable where one of them
        never can be read from."""
        watching: list[asyncio.Task[None]] = []
        try:
            for failed in await asyncio.gather(*(one.look(at_start=True) for one in standbys), return_exceptions=True):
                if failed is not None:
                    raise failed
            self._standbys = standbys
            watching += (asyncio.create_task(one.watch()) for one in standbys)
            yield
        finally:
            self._standbys = ()
            for task in watching:
                task.cancel()
            for one in standbys:
                await one.close()
            await asyncio.gather(*watching, return_exceptions=True)


@asynccontextmanager
async def open_reading_pool(
    url: str, primary: Pool, settings: dict[str, str], size: int, counts: ReadCounts
) -> AsyncIterator[ReadingPool]:
    """A pool that reads from the standbys at this address, by at most `size` connections to each, and otherwise by the
    pool of the primary. Raises DatabaseUnusable where the address leads to another database."""
    each = DatabaseHosts.of_standbys(url)
    reading = ReadingPool(primary, counts)
    async with AsyncExitStack() as stack:
        pools = [await stack.enter_async_context(open_pool(hosts, settings, size, primary.edition)) for hosts in each]
        standbys = [
            StandbyHost(hosts, pool, settings, reading.wanted, alone=len(each) == 1)
            for hosts, pool in zip(each, pools, strict=True)
        ]
        await stack.enter_async_context(reading.following(standbys))
        yield reading
