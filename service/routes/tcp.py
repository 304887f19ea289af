"""Accepts readings over plain TCP: JSON objects, one per line or several in a row, from clients that never read.

Nothing is answered, so clients don't learn what was refused. Refusals are counted, and now and then logged. There is no
place for a key either, so that this port is open to whom writing is open without one, and to nobody else.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from service.access.grants import Grant
from service.errors import BadRequest, Draining, StartError, TaktlineError, TooLarge, Unauthorized
from service.intake.batch import Packed
from service.intake.formats.frames import read_json
from service.intake.formats.json_stream import Framer, Lost
from service.intake.gate import Gate, Sender
from service.intake.reading import now_microseconds
from service.intake.turns import Work

CHUNK = 64 * 1024
"""The most bytes that are read in one go."""
STEP = 8 * 1024
"""The most bytes in which texts are looked for at once, before others have a turn."""
BACKLOG = 1024
"""How many connections may wait to be accepted; some clients open one for each reading."""
LAST_WAIT, LAST_BYTES = 0.05, 256 * 1024
"""When the service stops: how many seconds it waits for data that is still in transit, and how many bytes of it it
reads."""
COMPLAIN_EVERY = 10.0
"""The fewest seconds between two log lines about refusals."""
NO_KEYS = "a key is needed, for which there is no place here; ANONYMOUS=write lets everybody write"
TRANSPORT = "tcp"
"""The label of the refusal counter."""

_MAYBE_ENVELOPE = re.compile(rb"readings|\\u")
r"""Every object with a key `readings` matches, since it may be an envelope; `\u` may be an escaped character of that
key."""

log = structlog.stdlib.get_logger("tcp")


@asynccontextmanager
async def listening(
    gate: Gate, host: str, port: int, limit: int, anonymous: Callable[[], Grant]
) -> "AsyncIterator[Intake | None]":
    """Accept readings at this port while the block runs, unless the port is 0. A JSON text may have `limit` bytes.
    `anonymous` is what callers without a key may do at the time."""
    if not port:
        yield None
        return
    intake = Intake(gate, limit, anonymous)
    try:
        server = await asyncio.start_server(intake.serve, host, port, limit=CHUNK, backlog=BACKLOG)
    except (OSError, OverflowError) as exc:
        raise StartError(f"Can't listen on {host}, port {port}: {exc}. Choose another with TCP_PORT.") from exc
    intake.server = server
    log.info("readings over TCP are taken", host=host, port=port)
    try:
        yield intake
    finally:
        await intake.close()


class Intake:
    """The listening socket and all its connections."""

    def __init__(self, gate: Gate, limit: int, anonymous: Callable[[], Grant]) -> None:
        self._gate, self._limit, self._anonymous = gate, limit, anonymous
        self._connections: set[Connection] = set()
        self._complaints = Complaints()
        self._stopping = False
        self.server: asyncio.Server | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        try:
            if not self._stopping:
                await self._run(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _run(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sender = Sender(TRANSPORT, str((writer.get_extra_info("peername") or ("",))[0]), self._anonymous())
        try:
            connection = Connection(reader, writer, sender, self._gate, self._limit, self._complaints)
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


class Connection:
    """Reads the JSON texts of one client and hands them to the writer. While the writer has no room, nothing is
    read."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        sender: Sender,
        gate: Gate,
        limit: int,
        complaints: "Complaints",
    ) -> None:
        self._reader, self._complaints = reader, complaints
        self.sender = sender
        self._entrance = gate.enter(sender, self._complain)
        self._framer = Framer(limit)
        self._task = asyncio.current_task()
        self._idle = self._stopping = self._cut = False
        self._left = LAST_BYTES
        self._done = asyncio.Event()
        # Without keep-alive, the connection of a client that has vanished would stay open for ever.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    async def run(self) -> None:
        """Serve the client until it disconnects, sends what can't be read, or stop() is called."""
        try:
            while piece := await self._receive():
                await self._take(piece)
                await asyncio.sleep(0)
            if refusal := self._framer.end():
                self._refuse(refusal)
        except (Lost, TooLarge) as exc:
            self._refuse(exc)
        except Draining as exc:
            self._entrance.refused(exc)
        except OSError:
            self._entrance.refused("connection_lost")
        except asyncio.CancelledError:
            if not self._cut:
                raise
        finally:
            self._done.set()

    async def stop(self) -> None:
        """Read what has arrived, and end once it is handed to the writer."""
        self._stopping = True
        if self._idle and self._task is not None:
            self._task.cancel()
        await self._done.wait()

    async def cut(self) -> None:
        self._cut = True
        if self._task is not None:
            self._task.cancel()
        await self._done.wait()

    async def _receive(self) -> bytes:
        """The next piece of the stream; empty at its end, and when the time to stop is over."""
        if self._stopping:
            return await self._receive_last()
        self._idle = True
        try:
            return await self._reader.read(CHUNK)
        except asyncio.CancelledError:
            if not self._stopping or self._task is None:
                raise
            self._task.uncancel()
        finally:
            self._idle = False
        return await self._receive_last()

    async def _receive_last(self) -> bytes:
        if self._left <= 0:
            return b""
        try:
            piece = await asyncio.wait_for(self._reader.read(CHUNK), LAST_WAIT)
        except TimeoutError:
            return b""
        self._left -= len(piece)
        return piece

    async def _take(self, piece: bytes) -> None:
        texts: list[bytes] = []
        try:
            await self._entrance.share.do(self._cut_up(piece, texts))
        finally:  # also where the stream breaks off: the texts before that are complete
            await self._hand_over(texts)

    def _cut_up(self, piece: bytes, texts: list[bytes]) -> Work[None]:
        for at in range(0, len(piece), STEP):
            for text in self._framer.feed(piece[at : at + STEP]):
                if isinstance(text, BadRequest):
                    self._refuse(text)
                else:
                    texts.append(text)
            yield

    async def _hand_over(self, texts: list[bytes]) -> None:
        """Hand over the batches in these texts. All readings without an envelope are one batch, if all of them are
        good."""
        plain = [text for text in texts if _is_plain(text)]
        if len(plain) > 1 and await self._put(b"[%b]" % b",".join(plain)) is None:
            texts = [text for text in texts if not _is_plain(text)]
        for text in texts:
            if refusal := await self._put(text):
                self._refuse(refusal)

    async def _put(self, text: bytes) -> TaktlineError | None:
        """Hand over one batch, and return why it is refused where it is."""
        packed = await self._decode(text)
        if not isinstance(packed, Packed):
            return packed
        try:
            self._entrance.watch(await self._entrance.put(packed))
        except BadRequest as refusal:
            return refusal
        return None

    async def _decode(self, text: bytes) -> Packed | TaktlineError:
        try:
            return await self._entrance.share.do(read_json(text, self._entrance.rules, now_microseconds()))
        except (BadRequest, TooLarge) as exc:
            return exc

    def _refuse(self, error: TaktlineError) -> None:
        self._entrance.refused(error)
        self._complain(error)

    def _complain(self, error: TaktlineError) -> None:
        self._complaints.add(self.sender.address, error.detail)


def _is_plain(text: bytes) -> bool:
    return text.startswith(b"{") and not _MAYBE_ENVELOPE.search(text)


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
