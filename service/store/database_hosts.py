"""The hosts of DATABASE_URL. Where there are several, all are asked side by side which of them is the primary, so that
one which is down, or frozen, holds nobody up. With a single host, the driver connects as it always does."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TypeAlias
from weakref import WeakKeyDictionary

import asyncpg
import structlog
from asyncpg.connect_utils import SessionAttribute

from service.errors import DatabaseAway, DatabaseUnusable
from service.store.address import DatabaseAddress, Host, place
from service.store.address_parameters import SocketOption
from service.store.host_answers import Answer, Kind, Primary, asked, said

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"

HOST_TIMEOUT = 2.0
"""Seconds that one of several hosts may take to connect and to say what it is; connect_timeout in DATABASE_URL says
otherwise."""
ASK_AFTER, ASK_SELDOM, OFTEN = 3.0, 30.0, 20
"""Seconds after which whoever uses a connection has the hosts asked again which is the primary, again and again; and
the seconds between two such times after so many of them, since what lasts that long is long work."""

NAMED = {"application_name": "taktline"}
"""What each session is called by, unless the address has another name."""

log = structlog.stdlib.get_logger("hosts")


class DatabaseHosts:
    """Makes connections to one database. It knows which host is in use, and leaves it when another is the primary. With
    `reading` it is one host of DATABASE_READ_URL, `standby` or, where that is None, the driver's own."""

    def __init__(self, url: str, standby: Host | None = None, *, reading: bool = False) -> None:
        self._address, self._reading = DatabaseAddress.read(url, reading=reading), reading
        self._standby = standby
        self.place = place(url)
        """Where the database is, for messages."""
        self.several = self._address.asks and not reading
        """Whether the primary is looked for, and not just connected to."""
        self.primary: Primary | None = None
        """The primary as it was last found, where it is looked for."""
        self._connections: WeakKeyDictionary[Connection, Host | None] = WeakKeyDictionary()
        self._asking: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, database: "str | DatabaseHosts") -> "DatabaseHosts":
        """The hosts of an address, or these hosts."""
        return cls(database) if isinstance(database, str) else database

    @classmethod
    def of_standbys(cls, url: str) -> "list[DatabaseHosts]":
        """Each host of the address of standbys by itself."""
        return [cls(url, host, reading=True) for host in DatabaseAddress.read(url, reading=True).hosts or (None,)]

    @property
    def in_use(self) -> str | None:
        """The host whose database is used; None where there is none yet, or the driver chooses."""
        if self.several:
            return None if self.primary is None else str(self.primary.host)
        if self._standby is not None:
            return str(self._standby)
        return str(self._address.hosts[0]) if self._address.hosts else None

    def limit(self, usual: float) -> float:
        """Seconds that a connection may take: `usual`, or what the address says."""
        return self._address.parameters.connect_timeout or usual

    async def connect(self, settings: Mapping[str, str], limit: float) -> Connection:
        """A connection whose session begins with these settings. With a single host it may take `limit` seconds, unless
        the address says how many, and raises what the driver raises. With several, raises DatabaseAway, or
        DatabaseUnusable where trying again is useless."""
        if not self.several:
            con = await self._open(self._standby, settings, self.limit(limit))
            if self._reading:
                self._connections[con] = self._standby
            return con
        answers: list[Answer] = []
        try:
            # which of two that both take themselves for the primary is the right one, only all of them can tell
            found = await self._ask(answers, settings, wait_for_all=self.primary is None)
            if not found:
                raise _none(self.place, answers)
            con = self._use(found[0])
            self._connections[con] = found[0].host
            return con
        finally:
            for each in answers:
                each.drop()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """A block that uses a connection. When it takes long, all hosts are asked which is the primary; if that is
        another one than before, every connection to another host is cut."""
        if not self.several:
            yield
            return
        watch = _Watch(self._ask_again)
        try:
            yield
        finally:
            watch.end()

    def cut(self) -> None:
        """Cut all connections to a standby."""
        for con in list(self._connections):
            con.terminate()

    def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()

    async def _open(self, host: Host | None, settings: Mapping[str, str], limit: float) -> Connection:
        address = self._address
        if host is None and address.parameters.host and address.hosts:
            host = address.hosts[0]
        con = await asyncpg.connect(
            address.dsn,
            host=None if host is None else host.name,
            port=None if host is None else host.port,
            timeout=limit,
            server_settings={**settings, **address.parameters.settings},
            target_session_attrs=SessionAttribute.any,
        )
        _set_options(con, address.parameters.socket_options)
        return con

    async def _ask(self, answers: list[Answer], settings: Mapping[str, str], *, wait_for_all: bool) -> list[Answer]:
        """Ask all hosts at once, and add what they answer to `answers`. Returns those of the primary, of which there
        are several where proxies lead to it: of all, those on the latest timeline, or else the first to answer that
        isn't out of date."""
        limit = self.limit(HOST_TIMEOUT)
        asking = [
            asyncio.create_task(asked(host, partial(self._open, host, settings, limit), limit))
            for host in self._address.hosts
        ]
        try:
            for each in asyncio.as_completed(asking):
                answers.append(answer := await each)
                if not wait_for_all and self._is_usable(answer):
                    return [answer]
        finally:
            for task in asking:
                task.cancel()
            for ended in await asyncio.gather(*asking, return_exceptions=True):
                if isinstance(ended, Answer) and all(ended is not one for one in answers):
                    ended.drop()
            answers.sort(key=lambda one: self._address.hosts.index(one.host))
        usable = [one for one in answers if self._is_usable(one)]
        if len({one.primary.cluster for one in usable} - {""}) > 1:
            for one in usable:
                one.kind, one.words = Kind.WRONG, "the primary of another database than the others"
            return []
        latest = max((one.primary.timeline for one in usable), default="")
        return [one for one in usable if one.primary.timeline == latest]

    def _is_usable(self, answer: Answer) -> bool:
        """Whether it is a primary, and neither one that was left behind by a promotion nor of another database."""
        if answer.kind is not Kind.PRIMARY:
            return False
        if self.primary is not None and (why := answer.primary.differs_from(self.primary)):
            answer.kind, answer.words = Kind.WRONG, why
            return False
        return True

    def _use(self, answer: Answer) -> Connection:
        """The connection of a host that has just said that it is the primary."""
        known, found = self.primary, answer.primary
        if known is None or found.timeline > known.timeline:
            self._leave_for(found, {found.host})
        elif found.host != known.host:  # the other one may be a proxy that leads there too, or be down
            self._ask_again()
        return answer.take()

    def _leave_for(self, found: Primary, good: set[Host]) -> None:
        """Cut the connections to all hosts but the good ones, of which this is one."""
        before = self.primary
        if before is None or before.host not in good or before.timeline != found.timeline:
            self.primary = found
        if before is not None and self.primary is found and before.host != found.host:
            hosts = {"host": str(found.host), "before": str(before.host)}
            log.warning("another host is the primary of the database now", **hosts)
        for con, host in list(self._connections.items()):
            if host not in good:
                con.terminate()

    def _ask_again(self) -> None:
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        """Find out which host is the primary; where none can be found, nothing changes."""
        answers: list[Answer] = []
        try:
            found = await self._ask(answers, NAMED, wait_for_all=True)
            if found:
                self._leave_for(found[0].primary, {one.host for one in found})
        except Exception:  # nobody waits for this task
            log.exception("the hosts of the database could not be asked")
        finally:
            for each in answers:
                each.drop()


class _Watch:
    """Calls a function again and again."""

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask, self._times = ask, 0
        self._timer = asyncio.get_running_loop().call_later(ASK_AFTER, self._look)

    def _look(self) -> None:
        self._ask()
        self._times += 1
        pause = ASK_AFTER if self._times < OFTEN else ASK_SELDOM
        self._timer = asyncio.get_running_loop().call_later(pause, self._look)

    def end(self) -> None:
        self._timer.cancel()


def _none(where: str, answers: list[Answer]) -> DatabaseUnusable:
    """Why none of the hosts can be used."""
    if not any(one.kind in (Kind.STANDBY, Kind.WRONG) for one in answers):
        for one in answers:
            if one.kind is Kind.REFUSED:
                return DatabaseUnusable(f"The database at {where} can't be used: {one.host}: {one.words}.")
        return DatabaseAway(f"No database answers at {where}: {said(answers)}.")
    return DatabaseAway(f"None of the hosts of DATABASE_URL is the primary: {said(answers)}.")


def _set_options(con: Connection, options: tuple[SocketOption, ...]) -> None:
    """Set options of TCP, if there are any."""
    if not options:
        return
    sock = con._transport.get_extra_info("socket")  # type: ignore[attr-defined]  # the driver has no other way to it
    if sock is not None and sock.family.name != "AF_UNIX":
        for each in options:
            sock.setsockopt(*each)
