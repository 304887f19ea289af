"""The producers. Those over WebSocket and HTTP send a batch again with the same id if it wasn't answered. Those over
plain TCP send once and never read."""

import asyncio
import json
import random
from collections import deque
from contextlib import suppress

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from chaos.formats import frame, request, stream
from chaos.history import Answer, Batch, History, Kind
from chaos.workload import Workload

WINDOW = 8
"""The most batches in flight on a socket."""
PATIENCE = 40.0
"""Seconds without an answer after which a connection is taken for dead."""


class Producer:
    """Takes batches from the workload, or batches that other producers have left to be sent again."""

    def __init__(self, workload: Workload, history: History, rng: random.Random, pause: float) -> None:
        self.workload, self.history, self.rng = workload, history, rng
        self.stopping = False
        """Whether no new batches are sent any more; batches under way are completed."""
        self._pause = pause

    async def next(self) -> Batch | None:
        """The next batch to send; None where there is none at the moment."""
        if self.history.again:
            return self.history.again.popleft()
        if self.stopping:
            await asyncio.sleep(0.05)
            return None
        await asyncio.sleep(self.rng.expovariate(1 / self._pause))
        if self.history.recent and self.rng.random() < 0.05:
            return self.rng.choice(self.history.recent)
        batch = self.workload.next()
        if batch.kind is Kind.GOOD and self.rng.random() < 0.03:
            self.history.again.append(batch)  # so that another producer sends it at the same time
        return batch


class HttpProducer(Producer):
    """Sends one request at a time."""

    async def run(self, url: str) -> None:
        """Run until cancelled."""
        while True:
            async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, trust_env=False) as http:
                for _ in range(50):  # then over another connection
                    if (batch := await self.next()) is not None:
                        await self._send(http, batch)

    async def _send(self, http: httpx.AsyncClient, batch: Batch) -> None:
        while True:
            made = request(batch, self.rng)
            self.history.sends(batch, made.form)
            try:
                answer = await http.post(made.address, content=made.body, headers=made.headers)
            except (httpx.TransportError, httpx.DecodingError):
                self.history.lost(batch)
                delay = self.rng.uniform(0.05, 0.5)
            else:
                if self._heard(batch, answer):
                    return
                delay = float(answer.headers.get("Retry-After", 1)) * self.rng.uniform(0.5, 1)
            if batch.kind is Kind.PLAIN:
                return
            if self.rng.random() < 0.3:
                self.history.again.append(batch)
                return
            await asyncio.sleep(delay)

    def _heard(self, batch: Batch, answer: httpx.Response) -> bool:
        """Records an answer. Returns whether the batch is done."""
        match answer.status_code:
            case 200:
                body = answer.json()
                if body["written"] not in (batch.count, 0) or (body["written"] == 0) != body["duplicate"]:
                    self.history.violate(f"batch {batch.id}: {batch.count} readings were answered {body}")
                self.history.answered(batch, Answer.DUPLICATE if body["duplicate"] else Answer.WRITTEN)
            case 204:
                self.history.answered(batch, Answer.TAKEN)
            case 400 | 413 | 422:
                self.history.answered(batch, Answer.REFUSED, answer.text[:500])
            case 429 | 503:
                self.history.tally["told to wait"] += 1
                if "Retry-After" not in answer.headers:
                    self.history.violate(f"{answer.status_code} without Retry-After")
                return False
            case status:
                self.history.violate(f"batch {batch.id}: HTTP status {status}: {answer.text[:300]}")
                return batch.kind is not Kind.GOOD
        return True


class SocketProducer(Producer):
    """Sends a window of batches on one connection, and connects again whenever it is lost."""

    async def run(self, url: str) -> None:
        """Run until cancelled."""
        flight: deque[Batch] = deque()
        while True:
            try:
                async with connect(url, compression=None, proxy=None, ping_timeout=PATIENCE, close_timeout=1) as socket:
                    self.history.tally["connections"] += 1
                    async with asyncio.TaskGroup() as group:
                        group.create_task(self._send(socket, flight))
                        group.create_task(self._receive(socket, flight))
            except* (OSError, WebSocketException, TimeoutError):
                pass
            self._give_up(flight)
            await asyncio.sleep(self.rng.uniform(0.05, 0.5))

    def _give_up(self, flight: deque[Batch]) -> None:
        """Leaves all batches in flight to be sent again by any producer."""
        for batch in flight:
            self.history.lost(batch)
            self.history.again.append(batch)
        flight.clear()

    async def _send(self, socket: ClientConnection, flight: deque[Batch]) -> None:
        while True:
            if len(flight) >= WINDOW:
                await asyncio.sleep(0.002)
                continue
            if (batch := await self.next()) is None:
                await socket.ping()  # to notice a lost connection
                continue
            made = frame(batch, self.rng)
            self.history.sends(batch, "frame of JSON" if isinstance(made, str) else "frame of MessagePack")
            if batch.id is not None:
                flight.append(batch)
            await socket.send(made)

    async def _receive(self, socket: ClientConnection, flight: deque[Batch]) -> None:
        while True:
            async with asyncio.timeout(PATIENCE if flight else None):
                message = json.loads(await socket.recv())
            number = message.get("ack", message.get("id"))
            if number is None:
                self.history.violate(f"an answer that nobody waits for: {message}")
            elif not flight or flight[0].id != number:
                self.history.violate(f"{message} was answered, out of order")
            else:
                self._heard(flight.popleft(), message)

    def _heard(self, batch: Batch, message: dict[str, object]) -> None:
        match message:
            case {"written": count}:
                if count != batch.count:
                    self.history.violate(f"batch {batch.id}: {batch.count} readings were answered {message}")
                self.history.answered(batch, Answer.WRITTEN)
            case {"duplicate": True}:
                self.history.answered(batch, Answer.DUPLICATE)
            case {"error": {"status": 503}}:
                self.history.tally["told to wait"] += 1
                self.history.again.append(batch)
            case {"error": {"status": 400 | 422, "detail": detail}}:
                self.history.answered(batch, Answer.REFUSED, str(detail))
            case _:
                self.history.violate(f"batch {batch.id}: {message}")


class StreamProducer(Producer):
    """Sends JSON texts one after the other, some in one piece, on connections that last for a while."""

    async def run(self, host: str, port: int) -> None:
        """Runs until no new batches are to be sent, or until cancelled."""
        while not self.stopping:
            with suppress(OSError):
                _, writer = await asyncio.open_connection(host, port)
                try:
                    await self._send(writer)
                finally:
                    writer.close()
            await asyncio.sleep(self.rng.uniform(0, 0.3))

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        for _ in range(self.rng.choice((1, 1, 50))):
            texts = [await self._next_text() for _ in range(self.rng.choice((1, 1, 10)))]
            writer.write(b"".join(texts))
            await writer.drain()
            if self.stopping:
                return

    async def _next_text(self) -> bytes:
        await asyncio.sleep(self.rng.expovariate(1 / self._pause))
        batch = self.workload.next_unidentified()
        self.history.sends(batch, "stream over TCP")
        return stream(batch, self.rng)
