"""Accepts readings over plain TCP: JSON objects, one per line or several in a row, from clients that never read.

Nothing is answered, so clients don't learn what was refused. Refusals are counted, and now and then logged. There is no
place for a key either, so that this port is open to whom writing is open without one, and to nobody else.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from functools import partial

import structlog

from service.access.grants import Grant
from service.errors import Draining, StartError, TooManyConnections, Unauthorized
from service.intake.gate import Gate, Sender
from service.limits.allowance import Allowance
from service.limits.patience import Patience
from service.routes.tcp_connection import CHUNK, Connection, Reader

BACKLOG = 1024
"""How many connections may wait to be accepted; some clients open one for each reading."""
COMPLAIN_EVERY = 10.0
"""The fewest seconds between two log lines about refusals."""
NO_KEYS = "a key is needed, for which there is no place here; ANONYMOUS=write lets everybody write"
TRANSPORT = "tcp"
"""The label of the refusal counter."""

log = structlog.stdlib.get_logger("tcp")


@asynccontextmanager
async def listening(
    gate: Gate,
    where: tuple[str, int] | socket.socket,
    limit: int,
    places: Allowance,
    patience: Patience,
    anonymous: Callable[[], Grant],
) -> "AsyncIterator[Intake | None]":
    """Accept readings at this host and port while the block runs, unless the port is 0; or at a socket that is bound
    already. A JSON text may have `limit` bytes. `places` are the connections that there may be, `anonymous` is what
    callers without a key may do at the time."""
    if isinstance(where, tuple) and not where[1]:
        yield None
        return
    intake = Intake(gate, limit, places, patience, anonymous)
    intake.server = await _server(intake, where)
    host, port = intake.server.sockets[0].getsockname()[:2]
    log.info("readings over TCP are taken", host=host, port=port)
    try:
        yield intake
    finally:
        await intake.close()


async def _server(intake: "Intake", where: tuple[str, int] | socket.socket) -> asyncio.Server:
    make = partial(asyncio.get_running_loop().create_server, intake.protocol, backlog=BACKLOG)
    if isinstance(where, socket.socket):
        return await make(sock=where)
    host, port = where
    try:
        return await make(host, port)
    except (OSError, OverflowError) as exc:
        raise StartError(f"Can't listen on {host}, port {port}: {exc}. Choose another with TCP_PORT.") from exc


class Intake:
    """The listening socket and all its connections."""

    def __init__(
        self, gate: Gate, limit: int, places: Allowance, patience: Patience, anonymous: Callable[[], Grant]
    ) -> None:
        self._gate, self._limit, self._places, self._patience = gate, limit, places, patience
        self._anonymous = anonymous
        self._connections: set[Connection] = set()
        self._complaints = Complaints()
        self._stopping = False
        self.server: asyncio.Server | None = None

    @property
    def connections(self) -> Collection[Connection]:
        """The open connections."""
        return self._connections

    def protocol(self) -> asyncio.Protocol:
        """The protocol of a new connection."""
        reader = Reader(CHUNK)

        async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await self._serve(reader, writer)

        return asyncio.StreamReaderProtocol(reader, serve)

    async def _serve(self, reader: Reader, writer: asyncio.StreamWriter) -> None:
        sender = Sender(TRANSPORT, str((writer.get_extra_info("peername") or ("",))[0]), self._anonymous())
        try:
            with self._places.hold(sender.caller) as place:
                if not place.take(1):
                    self._gate.refused(TRANSPORT, TooManyConnections())
                elif not self._stopping:
                    await self._run(reader, writer, sender)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _run(self, reader: Reader, writer: asyncio.StreamWriter, sender: Sender) -> None:
        def complain(detail: str) -> None:
            self._complaints.add(sender.address, detail)

        try:
            connection = Connection(reader, writer, self._gate, sender, self._limit, self._patience, complain)
        except (Draining, Unauthorized) as refusal:
            self._gate.refused(TRANSPORT, refusal)
            if isinstance(refusal, Unauthorized):
                self._complaints.add(sender.address, NO_KEYS)
            return
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    async def stop_listening(self) -> None:
        """Accept no more connections."""
        self._stopping = True
        if self.server is not None:
            self.server.close()

    async def stop(self) -> None:
        """Read what has arrived on the open connections, hand it to the writer, and close them."""
        await self.stop_listening()
        await asyncio.gather(*(one.stop() for one in self._connections))
        self._complaints.conclude()

    async def expel(self, admits: Callable[[Grant], bool]) -> None:
        """Close all connections whose grant doesn't hold any more, at once."""
        for one in [one for one in self._connections if not admits(one.sender.grant)]:
            self._gate.refused(TRANSPORT, Unauthorized.reason)
            await one.cut()

    async def close(self) -> None:
        """Close all connections at once."""
        await self.stop_listening()
        await asyncio.gather(*(one.cut() for one in self._connections))
        self._complaints.conclude()


class Complaints:
    """Logs refusals: the first at once, later ones together."""

    def __init__(self) -> None:
        self._unsaid = 0
        self._last = ("", "")
        self._next = 0.0

    def add(self, peer: str, why: str) -> None:
        """Note a refusal."""
        self._unsaid += 1
        self._last = (peer, why)
        if asyncio.get_running_loop().time() >= self._next:
            self.conclude()

    def conclude(self) -> None:
        """Log the refusals that weren't logged yet."""
        if self._unsaid:
            peer, why = self._last
            log.warning("readings over TCP were refused", count=self._unsaid, last_from=peer, last_why=why)
            self._unsaid = 0
            self._next = asyncio.get_running_loop().time() + COMPLAIN_EVERY
