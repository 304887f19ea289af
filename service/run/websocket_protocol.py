"""uvicorn's WebSocket protocol, improved for clients that send without ever reading, or without waiting for an answer.

Six things are different. A client that is closed in the middle of its own frame can read the close code: the rest of
the frame is received first, because closing a socket with unread data resets the connection, and the code would be
lost. Data that arrives before the handshake is answered is kept. Any data counts as a sign of life, not only a pong.
The answer to a refused handshake says why it is refused. Data that takes long to parse, because it has very many tiny
frames, is parsed in steps, between which others have their turns; a message may have only so many fragments. And what a
client may take is limited: the memory for what it sends and doesn't read, and the time for both.

This module uses methods and attributes that uvicorn doesn't document; pyproject.toml names the versions that have them,
and tests/run/test_uvicorn.py names each of them.
"""

from asyncio import BaseTransport, Task, sleep
from http import HTTPStatus
from time import perf_counter
from typing import Any

import msgspec
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode, Frame
from websockets.http11 import Request

from service.limits.allowance import Hold
from service.limits.patience import Wait
from service.problems import MEDIA_TYPE, plain_problem
from service.run.clients import Clients, unread

LINGER = 5.0
"""Seconds that a closed client has to read the close code. What it sends meanwhile is discarded."""
MAX_FRAGMENTS = 4096
"""The most fragments of a message."""
STEPS = (1024, 16 * 1024)
"""The fewest and the most bytes that are parsed at once. What is behind them waits until the application has taken the
frames in them, since they may hold hundreds."""
LONG = 0.002
"""Seconds of parsing after which others have a turn, and after which less is parsed at once."""
FREE, FEW = 4096, 16
"""The bytes of a connection, and the messages for the application, that aren't counted, since every connection may hold
so much."""
MESSAGE, FRAGMENT = 300, 64
"""About how many bytes of memory a message takes that waits for the application, and a part of one."""
SLOW, AGAIN = 1008, 1013
"""Close codes, of https://www.iana.org/assignments/websocket: the client breaks a rule; it may try again later."""
NOTHING = memoryview(b"")
VERSION = "13"
"""The version of the WebSocket protocol: https://www.rfc-editor.org/rfc/rfc6455."""
WRONG_VERSION = (
    f"Only version {VERSION} of the WebSocket protocol is understood: send Sec-WebSocket-Version: {VERSION}."
)


class WebSocketProtocol(WebSocketsSansIOProtocol):
    """One WebSocket connection, which takes over the HTTP connection's place among all connections. The client is
    pinged every `ws_ping_interval` seconds, and the connection is ended where nothing has arrived for `ws_ping_timeout`
    seconds although the service was reading."""

    def __init__(self, *args: Any, clients: Clients, place: Hold, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._clients, self._refused, self._place = clients, clients.refused, place
        self._rest = NOTHING
        """What has arrived and isn't parsed yet."""
        self._step = STEPS[1] // 4
        self._resting = self._starved = False
        """Whether nothing is received because others have a turn, and because there is no memory for it."""
        self._serving = False
        """Whether the application is at work."""
        self._arrived = self._taken = self._pauses = 0
        self._wait = Wait()
        self._heard = self.loop.time()
        # uvicorn's own timeout would end connections that answer no pings
        self._patience, self.ping_timeout = self.ping_timeout, None

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self._hold = self._clients.memory.hold(self._clients.owner(self.client[0] if self.client else ""))

    def connection_lost(self, exc: Exception | None) -> None:
        """End the connection. What has arrived and isn't parsed yet is parsed as the application takes it."""
        super().connection_lost(exc)
        self._place.release()
        if not self._serving:
            self._forget()

    def on_task_complete(self, task: "Task[None]") -> None:
        """Note that the application is done."""
        super().on_task_complete(task)
        self._serving = False
        if self.disconnected:
            self._forget()

    def look(self, now: float) -> None:
        """Give the connection up where its client takes too long to send the rest of a frame, or to read an answer.
        Whoever goes on sending whole frames isn't given up, because simple clients never read."""
        patience = self._clients.patience
        if not self.writable.is_set() or self.transport.is_closing():
            if self._wait.is_over(("answer", self._pauses, self._taken), patience.answer, -unread(self.transport), now):
                self._refused("websocket", "unread")
                self.transport.abort()
        elif (self.conn.reader.buffer or self.frames) and (self._starved or not self.read_paused):
            if self._wait.is_over(("frame", self._taken), patience.body, self._arrived, now):
                self._give_up(SLOW)
        else:
            self._wait.end()
        if self._starved and self._hold.has_room:
            self._go_on()

    def data_received(self, data: bytes) -> None:
        """Receive data, which is kept while the handshake isn't answered yet, and ignored after a refusal."""
        self._heard = self.loop.time()
        self._arrived += len(data)
        if self._rest or len(data) > STEPS[0] or (self.handshake_initiated and not self.handshake_complete):
            self._rest = memoryview(bytes(self._rest) + data if self._rest else data)
            if not self._resting:
                self._go_on()
        elif self.conn.parser_exc is None:
            self._parse_step(data)
            if self._hold.size or self.frames or len(self.conn.reader.buffer) > FREE or self.queue.qsize() > FEW:
                self._go_on()

    async def send(self, message: Any) -> None:
        """Send a message of the application. The first one answers the handshake, after which data that came early is
        received."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body"):
            self.handshake_complete = self.close_sent = True  # otherwise uvicorn would log an error for every refusal
        if self._rest and self.handshake_complete and not self._resting:
            self._go_on()

    async def receive(self) -> Any:
        """The next message for the application. Where all have been taken, more is parsed, or received."""
        message = await self.queue.get()
        self._taken += 1
        if self.queue.empty():
            if self._rest and message["type"] == "websocket.disconnect":
                return await self._message_before(message)
            if self._rest or self._hold.size:
                if not self._resting:
                    self._go_on()
            elif self.read_paused and not self._resting:
                self.read_paused = False
                self.transport.resume_reading()
        return message

    async def _message_before(self, end: Any) -> Any:
        """The next message that had arrived before the end of the connection; otherwise the end."""
        while self._rest and self._may_parse():
            step, self._rest = self._rest[: self._step], self._rest[self._step :]
            self._parse_step(bytes(step))
            await sleep(0)
        self.queue.put_nowait(end)
        return self.queue.get_nowait()

    def handle_cont(self, event: Frame) -> None:
        """Add a fragment to a message; the connection is closed where there are too many."""
        if len(self.frames) < MAX_FRAGMENTS:
            super().handle_cont(event)
        elif self.conn.close_sent is None:
            self.frames = []
            self.conn.fail(CloseCode.MESSAGE_TOO_BIG, f"more than {MAX_FRAGMENTS:,} fragments")
            self.handle_parser_exception()

    def eof_received(self) -> None:
        """Close the connection where a close code was sent: a client that has stopped sending has read it, or never
        will."""
        if self.conn.parser_exc is not None:
            self.transport.close()

    def handle_connect(self, event: Request) -> None:
        if event.headers.get_all("Sec-WebSocket-Version") != [VERSION]:
            self._refuse(HTTPStatus.UPGRADE_REQUIRED, WRONG_VERSION)
            return
        super().handle_connect(event)
        self._serving = self.response.status_code == HTTPStatus.SWITCHING_PROTOCOLS
        if not self._serving:
            self._refused("websocket", "handshake")

    def pause_writing(self) -> None:
        super().pause_writing()
        self._pauses += 1
        self._count()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._count()

    def handle_ping(self) -> None:
        """Answer a ping, unless earlier data still waits to be sent: who doesn't read needs no pongs."""
        output = self.conn.data_to_send()
        if self.writable.is_set():
            self.transport.write(b"".join(output))

    def handle_parser_exception(self) -> None:
        """Send the close code, and wait for a while until the client has closed the connection."""
        if (sent := self.conn.close_sent) is not None:
            event: Any = {"type": "websocket.disconnect", "code": sent.code, "reason": sent.reason, "ours": True}
            self.queue.put_nowait(event)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.resume_reading()
        self.close_timer = self.loop.call_later(LINGER, self.transport.close)

    def send_keepalive_ping(self) -> None:
        """Ping the client, unless earlier data still waits to be sent, which happens where the client doesn't read.
        While the service itself isn't reading, because the database is unavailable, the client doesn't count as
        silent."""
        if self.read_paused:
            self._heard = self.loop.time()
        if self._patience and self.loop.time() - self._heard > self._patience:
            self.keepalive_timeout()
            self.loop.call_later(LINGER, self.transport.abort)
        elif self.transport.get_write_buffer_size():
            self.schedule_ping()
        else:
            super().send_keepalive_ping()

    def _go_on(self) -> None:
        """Parse what has arrived until there is a message for the application, or for a while. Then receive more, if
        everything is parsed and there is memory for it."""
        self._resting = False
        began = perf_counter()
        while self._rest and self._may_parse():
            step, self._rest = self._rest[: self._step], self._rest[self._step :]
            self._parse_step(bytes(step))
            if perf_counter() - began > LONG:
                self._step = max(STEPS[0], self._step // 2)
                self._resting = not self.transport.is_closing()
                break
            self._step = min(STEPS[1], 2 * self._step)
        if self.close_sent:
            self._rest = NOTHING
        self._starved = not self._count()
        if self._resting:
            self.loop.call_soon(self._go_on)
        if self.close_sent:
            return
        if self._rest or self._starved or self._resting:
            if not self.read_paused:
                self.read_paused = True
                self.transport.pause_reading()
        elif self.read_paused and self.queue.empty():
            self.read_paused = False
            self.transport.resume_reading()

    def _may_parse(self) -> bool:
        is_open = not self.handshake_initiated or self.handshake_complete
        return is_open and self.queue.empty() and self.conn.parser_exc is None and not self.close_sent

    def _parse_step(self, data: bytes) -> None:
        super().data_received(data)
        if self.conn.handshake_exc is not None and not self.handshake_initiated:
            why = self.conn.handshake_exc.__cause__ or self.conn.handshake_exc
            self._refuse(HTTPStatus.BAD_REQUEST, f"This can't be read as a WebSocket's handshake: {why}.")

    def _count(self) -> bool:
        """Count what is held for this connection, and return whether it may become more. Where it is much too much,
        give the connection up."""
        size = len(self._rest) + len(self.conn.reader.buffer) + MESSAGE * max(0, self.queue.qsize() - FEW)
        if self.frames:
            size += (self.conn.current_size or 0) + FRAGMENT * len(self.frames)
        if not self.writable.is_set():
            size += self.transport.get_write_buffer_size()
        if size <= FREE and not self._hold.size:
            return True
        has_room = self._hold.set(size)
        if not has_room and self._hold.overdrawn:
            self._give_up(AGAIN)
        return has_room

    def _give_up(self, code: int) -> None:
        """End the connection. What was accepted is written; the rest can be sent again."""
        if self.close_sent or self.disconnected:
            return
        self._rest, self.frames = NOTHING, []
        self._refused("websocket", "slow" if code == SLOW else "memory")
        if not self.handshake_complete or not self.writable.is_set():
            self.transport.abort()
            return
        why = "The rest of a frame didn't come in time." if code == SLOW else "Too much is held for you; try again."
        self.conn.fail(code, why)
        self.handle_parser_exception()

    def _forget(self) -> None:
        self._rest, self.frames = NOTHING, []
        self.conn.reader.discard()
        self._hold.release()

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        """Answer the handshake with a status and a sentence, and end the connection."""
        self._refused("websocket", "handshake")
        response = self.conn.reject(status, msgspec.json.encode(plain_problem(status, detail)).decode())
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = MEDIA_TYPE
        if status == HTTPStatus.UPGRADE_REQUIRED:
            response.headers.update({"Upgrade": "websocket", "Sec-WebSocket-Version": VERSION})
        self.handshake_initiated = self.handshake_complete = self.close_sent = True
        self.transport.write(response.serialize())
        self.transport.close()
