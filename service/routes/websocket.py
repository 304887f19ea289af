"""Accepts readings over a WebSocket. Frames with a batch id are answered after COMMIT, in order."""

import asyncio
from time import perf_counter
from typing import Any

import msgspec
import structlog
from litestar import WebSocket, websocket
from litestar.exceptions import WebSocketException
from litestar.handlers import WebsocketRouteHandler

from service.access.grants import Scope
from service.errors import BadRequest, Draining, TaktlineError
from service.intake.batch import Outcome, Packed
from service.intake.formats.envelopes import RefusedEnvelope
from service.intake.formats.frames import SHORT, careful_json, plain_json, read_frame
from service.intake.gate import Gate
from service.intake.reading import now_microseconds
from service.intake.waiting import Answer
from service.metrics import Metrics
from service.problems import problem
from service.routes.authentication import needs
from service.routes.connections import Connections
from service.routes.frame_inbox import RECEIVED, FrameInbox
from service.routes.reply_queue import Replies, Reply
from service.routes.senders import sender_of
from service.routes.websocket_handshake import ADDRESSES, ENDED, refuse, subprotocol_for

LAST_WORD = 2.0
"""Seconds in which a client whose key has ended may still read its answers."""
WITHOUT_REST = 0.01
"""Seconds of work on short frames after which others have a turn."""
REFUSALS = {1002: "protocol", 1007: "malformed", 1009: "too_large"}
"""The label of the refusal counter for each close code that refuses a frame."""

log = structlog.stdlib.get_logger("socket")
_encode = msgspec.json.Encoder().encode


def socket_route(gate: Gate, read_ahead: int, connections: Connections, metrics: Metrics) -> WebsocketRouteHandler:
    """The route of the sockets that send readings. While a frame waits, about `read_ahead` bytes of later ones are
    received."""

    @websocket(list(ADDRESSES), opt=needs(Scope.WRITE))
    async def ingest(socket: WebSocket[Any, Any, Any]) -> None:
        """Serve one producer, from its first frame to its last acknowledgement."""
        try:
            session = Session(socket, gate, read_ahead)
        except TaktlineError as refusal:
            await refuse(socket.send, metrics, refusal)
            return
        await socket.accept(subprotocols=subprotocol_for(socket.scope["subprotocols"]))
        metrics.socket(1)
        try:
            with connections.holding(session):
                await session.run()
        finally:
            metrics.socket(-1)

    return ingest


class Session:
    """Reads frames and hands them to the writer. A second task sends the answers; it is created when it is first
    needed."""

    def __init__(self, socket: WebSocket[Any, Any, Any], gate: Gate, read_ahead: int) -> None:
        self._socket = socket
        sender = sender_of(socket, "websocket")
        self.grant = sender.grant
        self._entrance = gate.enter(sender, self._report)
        self._farewell = (1012, "The service is shutting down.")
        self._inbox = FrameInbox(socket, self._entrance.hold, read_ahead)
        self._replies = Replies(gate.memory.hold(sender.caller))
        self._speaker: asyncio.Task[None] | None = None
        self._listener = asyncio.current_task()
        self._worked = 0.0
        self._idle = self._stopping = self._gone = False
        self._handed_over, self._done = asyncio.Event(), asyncio.Event()

    async def run(self) -> None:
        """Serve the client until it disconnects or refuse() is called."""
        try:
            await self._listen()
            self._handed_over.set()
            if self._speaker is not None:
                await self._replies.put(None)
                await self._speaker
            if self._stopping and not self._gone:
                code, reason = self._farewell
                await self._socket.close(code=code, reason=reason)
        finally:
            if self._speaker is not None:
                self._speaker.cancel()
            if left := self._inbox.forget():
                self._entrance.refused(Draining.reason, left)
            self._replies.forget()
            self._handed_over.set()
            self._done.set()

    async def refuse(self) -> None:
        """Accept no more frames, and wait until the accepted ones are handed to the writer."""
        self._stop_listening()
        await self._handed_over.wait()

    async def finish(self) -> None:
        """Accept no more frames, answer the accepted ones, close the connection, and wait until that is done."""
        await self.refuse()
        await self._done.wait()

    def expel(self) -> None:
        """Accept no more frames because the sender's key has ended; answer the accepted ones, as far as the client
        reads that soon, and close the connection."""
        self._farewell = ENDED
        self._stop_listening()
        asyncio.get_running_loop().call_later(LAST_WORD, self._cut)

    def _stop_listening(self) -> None:
        if not self._stopping:  # only once: after that the task is sending its last answers
            self._stopping = True
            if (self._idle or self._entrance.pausing) and self._listener is not None:
                self._listener.cancel()

    def _cut(self) -> None:
        if self._done.is_set() or self._listener is None:
            return
        if self._speaker is not None:
            self._speaker.cancel()
        self._gone = True
        self._listener.cancel()

    async def _listen(self) -> None:
        try:
            while not self._stopping:
                self._idle = True
                message = await self._inbox.next()
                self._idle = False
                if message["type"] == "websocket.disconnect":
                    self._gone = True
                    if message.get("ours") and (reason := REFUSALS.get(message["code"])) is not None:
                        self._entrance.refused(reason)
                    return
                began = perf_counter()
                await self._take(message, message.get(RECEIVED, began))
                self._worked += perf_counter() - began
                if self._worked > WITHOUT_REST:
                    self._worked = 0.0
                    await self._entrance.share.rest()
        except asyncio.CancelledError:
            if not self._stopping or self._listener is None:
                raise
            self._listener.uncancel()

    async def _take(self, message: dict[str, Any], received: float) -> None:
        batch_id = None
        try:
            packed = self._read_plain(message) or await self._read(message)
            batch_id = packed.id
            answer = self._entrance.put_now(packed)
            if answer is None:  # later frames wait until this one is handed over
                answer = await self._inbox.receive_during(message, self._entrance.put(packed))
        except Draining as refusal:
            self._entrance.refused(refusal)
            self._stopping = True
        except TaktlineError as refusal:
            await self._refuse(refusal, message, batch_id)
        except Exception:  # an unexpected error with one frame mustn't end the connection
            log.exception("a frame could not be read")
            await self._refuse(TaktlineError("This should not have happened; the log has the cause."), message)
        else:
            if packed.id is None:
                self._entrance.watch(answer)
            else:
                await self._reply((packed.id, packed.items, answer, received), message)

    def _read_plain(self, message: dict[str, Any]) -> Packed | None:
        text = message.get("text")
        if text is None:
            return None
        return plain_json(text.removeprefix("\ufeff"), self._entrance.rules, now_microseconds())

    async def _read(self, message: dict[str, Any]) -> Packed:
        """The batch in a frame that may be long, or has something unusual."""
        text, rules, share = message.get("text"), self._entrance.rules, self._entrance.share
        with self._inbox.holding(message):
            if text is not None:
                return await share.do(careful_json(text.removeprefix("\ufeff"), rules, now_microseconds()))
            raw = message.get("bytes") or b""
            if len(raw) > SHORT:  # MessagePack is cut apart at once, so only one such frame between two turns of others
                await share.rest()
            return await share.do(read_frame(raw, rules, now_microseconds()))

    async def _refuse(self, refusal: TaktlineError, message: dict[str, Any], batch_id: str | None = None) -> None:
        """Answer a refused frame. Where the client doesn't read its answers, only answers to envelopes wait for room
        and others are dropped, because simple clients send without ever reading."""
        self._entrance.refused(refusal)
        frame: dict[str, Any] = {"error": problem(refusal)}
        if isinstance(refusal, RefusedEnvelope):
            frame["id"] = refusal.batch_id
        elif batch_id is not None:
            frame["id"] = batch_id
        elif self._replies.full():
            self._entrance.refused("answer_unread")
            return
        await self._reply(_text(frame), message)

    async def _reply(self, reply: Reply, message: dict[str, Any]) -> None:
        """Queue the answer to a message, which is held until there is room for the answer."""
        if self._replies.full():
            with self._inbox.holding(message):
                await self._replies.put(reply)
        else:
            self._replies.put_nowait(reply)
        self._start_speaker()

    def _start_speaker(self) -> None:
        if self._speaker is None:
            self._speaker = asyncio.create_task(self._speak())

    async def _speak(self) -> None:
        while (reply := await self._replies.get()) is not None:
            text = reply if isinstance(reply, str) else await self._answer(*reply)
            if text is not None and not self._gone:
                await self._send(text)

    async def _answer(self, batch_id: str, readings: int, answer: Answer, received: float) -> str | None:
        try:
            outcome = await answer
        except Draining:
            return None  # not committed, so there is no answer, and the client sends the batch again
        except TaktlineError as refusal:
            self._entrance.refused(refusal)
            return _text({"error": problem(refusal), "id": batch_id})
        self._entrance.acknowledged(perf_counter() - received)
        if outcome is Outcome.DUPLICATE:
            return _text({"ack": batch_id, "duplicate": True})
        return _text({"ack": batch_id, "written": readings})

    async def _send(self, text: str) -> None:
        try:
            await self._socket.send_data(text, "text")
        except (WebSocketException, RuntimeError, OSError):
            self._gone = True

    def _report(self, refusal: TaktlineError) -> None:
        """Report that a batch without an id was refused by the database, or that there was no time left for it."""
        log.warning("a reading could not be written", why=refusal.detail)
        if isinstance(refusal, BadRequest) and not self._done.is_set() and not self._replies.full():
            self._replies.put_nowait(_text({"error": problem(refusal)}))
            self._start_speaker()


def _text(frame: dict[str, Any]) -> str:
    return _encode(frame).decode()
