"""One connection over plain TCP, from its first byte to its last reading."""

import asyncio
import re
import socket
from collections.abc import Callable, Iterable
from typing import Any, SupportsIndex

from service.errors import BadRequest, Draining, NoMemory, TaktlineError, TooLarge, TooSlow
from service.intake.batch import Packed
from service.intake.formats.frames import read_json
from service.intake.formats.json_stream import Framer, Lost
from service.intake.gate import Gate, Sender
from service.intake.reading import now_microseconds
from service.intake.turns import Work
from service.limits.patience import Patience, Wait

CHUNK = 64 * 1024
"""The most bytes that are read in one go."""
STEP = 8 * 1024
"""The most bytes in which texts are looked for at once, before others have a turn."""
FREE = 4096
"""The bytes of a connection that aren't counted, since every connection may hold so much."""
LAST_WAIT, LAST_BYTES = 0.05, 256 * 1024
"""When the service stops: how many seconds it waits for data that is still in transit, and how many bytes of it it
reads."""

_MAYBE_ENVELOPE = re.compile(rb"readings|\\u")
r"""Every object with a key `readings` matches, since it may be an envelope; `\u` may be an escaped character of that
key."""


class Reader(asyncio.StreamReader):
    """A stream that knows how much has arrived, and how much of that wasn't read yet."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.arrived = self.unread = 0
        self.on_data: Callable[[], object] | None = None
        """Is called when something has arrived."""

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        """Take what has arrived."""
        size = len(data)  # type: ignore[arg-type]  # these are bytes
        self.arrived += size
        self.unread += size
        super().feed_data(data)
        if self.on_data is not None:
            self.on_data()

    async def read(self, n: int = -1) -> bytes:
        """At most `n` bytes of what has arrived, once there are any; none at the end."""
        piece = await super().read(n)
        self.unread -= len(piece)
        return piece


class Connection:
    """Reads the JSON texts of one client and hands them to the writer. While the writer has no room, nothing is
    read."""

    def __init__(
        self,
        reader: Reader,
        writer: asyncio.StreamWriter,
        gate: Gate,
        sender: Sender,
        limit: int,
        patience: Patience,
        complain: Callable[[str], None],
    ) -> None:
        self._reader, self._patience, self._complain = reader, patience, complain
        self._transport: Any = writer.transport
        self.sender = sender
        self._entrance = gate.enter(sender, lambda refusal: complain(refusal.detail))
        self._framer = Framer(limit)
        self._wait, self._pieces, self._in_hand = Wait(), 0, 0
        self._given_up: TaktlineError | None = None
        self._task = asyncio.current_task()
        self._idle = self._stopping = self._cut = False
        self._left = LAST_BYTES
        self._done = asyncio.Event()
        # Without keep-alive, the connection of a client that has vanished would stay open for ever.
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        reader.on_data = self._count

    async def run(self) -> None:
        """Serve the client until it disconnects, sends what can't be read, or stop() is called."""
        try:
            while piece := await self._receive():
                await self._take(piece)
                await asyncio.sleep(0)
            if refusal := self._given_up or self._framer.end():
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
            self._reader.on_data = None
            self._framer.forget()
            self._entrance.hold.release()
            self._done.set()

    def look(self, now: float) -> None:
        """Give the connection up where the rest of a text takes too long. Between two texts it may take for ever."""
        if not (self._idle and self._framer.pending):
            self._wait.end()
        elif self._wait.is_over(self._pieces, self._patience.text, self._reader.arrived, now):
            self._give_up(TooSlow("The rest of a JSON text didn't come in time."))

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
            if not self._count():
                await self._wait_for_memory()
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

    async def _wait_for_memory(self) -> None:
        """Read nothing more until there is memory for it. What has been read already can be worked on."""
        self._transport.pause_reading()
        try:
            while not (self._reader.unread or self._reader.at_eof() or self._count()):  # noqa: ASYNC110
                await asyncio.sleep(self._patience.look)
        finally:
            self._transport.resume_reading()

    def _count(self) -> bool:
        """Count what is held for this connection, and return whether it may become more."""
        hold, size = self._entrance.hold, self._reader.unread + self._framer.pending + self._in_hand
        if size <= FREE and not hold.size:
            return True
        if hold.set(size):
            return True
        if hold.overdrawn:
            self._give_up(NoMemory())
        return False

    def _give_up(self, why: TaktlineError) -> None:
        self._given_up = self._given_up or why
        self._transport.abort()

    async def _take(self, piece: bytes) -> None:
        texts: list[bytes] = []
        self._in_hand = len(piece)
        try:
            await self._entrance.share.do(self._cut_up(piece, texts))
        finally:  # also where the stream breaks off: the texts before that are complete
            self._pieces += len(texts)
            await self._hand_over(texts)
            self._in_hand = 0

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
            answer = self._entrance.put_now(packed)
            if answer is None:
                self._count()
                answer = await self._entrance.put(packed)
        except BadRequest as refusal:
            return refusal
        self._entrance.watch(answer)
        return None

    async def _decode(self, text: bytes) -> Packed | TaktlineError:
        try:
            return await self._entrance.share.do(read_json(text, self._entrance.rules, now_microseconds()))
        except (BadRequest, TooLarge) as exc:
            return exc

    def _refuse(self, error: TaktlineError) -> None:
        self._entrance.refused(error)
        self._complain(error.detail)


def _is_plain(text: bytes) -> bool:
    return text.startswith(b"{") and not _MAYBE_ENVELOPE.search(text)
