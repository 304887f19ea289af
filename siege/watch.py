"""What others see of the service while it is under attack: its answers to `/livez`, what a normal producer sends over a
socket and in requests, and a normal viewer's charts and live page; and its memory."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import httpx
import psutil
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from siege.target import Target

LIVEZ_EVERY, SEND_EVERY, LOOK_EVERY, WEIGH_EVERY = 0.02, 0.05, 0.5, 0.05
"""Seconds between two of each."""
MARGIN, SETTLING = 100 * 2**20, 15.0
"""The service's memory is weighed again when it is back within so many bytes, or after so many seconds."""
PATIENCE = 60.0
"""Seconds after which an answer is given up; it then counts as having taken that long."""


LIVEZ, ACKNOWLEDGEMENT, POST, CHART, PAGE = WAITS = "/livez", "acknowledgement", "POST", "chart", "live page"
"""What is waited for."""


@dataclass
class Seen:
    """The longest wait in seconds for each of these, bytes of memory, and how often somebody got no proper answer."""

    waits: dict[str, float] = field(default_factory=lambda: dict.fromkeys(WAITS, 0.0))
    calm: float = 0.0
    """The longest wait for `/livez` before the attack."""
    failures: int = 0
    before: int = 0
    most: int = 0
    after: int = 0


class Watch:
    """Keeps asking while the block of `watching` runs."""

    def __init__(self, target: Target, pid: int) -> None:
        self._target, self._process = target, psutil.Process(pid)
        self.seen = Seen()

    @asynccontextmanager
    async def watching(self, calm: float) -> AsyncIterator[Seen]:
        """Watch while the block runs, and afterwards until the service answers again, and for `calm` seconds more."""
        seen = self.seen = Seen()
        looks = (self._livez, self._produce, self._post, self._view, self._watch_page, self._weigh)
        tasks = [asyncio.create_task(look()) for look in looks]
        try:
            await asyncio.sleep(calm)  # so that all are at work when the attack begins
            seen.calm, seen.waits = seen.waits[LIVEZ], dict.fromkeys(seen.waits, 0.0)
            seen.before = seen.most = self._weight()
            yield seen
            async with self._client() as http:
                await self._timed(LIVEZ, lambda: _good(http.get("/livez")))
            await asyncio.sleep(calm)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        seen.after = await self._settled()

    async def _livez(self) -> None:
        async with self._client() as http:
            while True:
                await self._timed(LIVEZ, lambda: _good(http.get("/livez")))
                await asyncio.sleep(LIVEZ_EVERY)

    async def _view(self) -> None:
        number = 0
        async with self._client() as http:
            while True:
                number += 1  # so that it has to be drawn
                asked = {"format": "png", "series": "siege", "title": f"{time.time()} {number}"}
                await self._timed(CHART, lambda: _good(http.get("/chart", params=asked)))  # noqa: B023
                await asyncio.sleep(LOOK_EVERY)

    async def _watch_page(self) -> None:
        """Wait for each event of a live page, which shows what the producer sends."""
        while True:
            with suppress(OSError, WebSocketException, TimeoutError):
                address = f"{self._target.ws}live?series=siege"
                async with connect(address, compression=None, open_timeout=PATIENCE, max_size=None) as socket:
                    while True:
                        await self._timed(PAGE, lambda: _received(socket))
            self.seen.failures += 1
            await asyncio.sleep(LOOK_EVERY)

    async def _post(self) -> None:
        async with self._client() as http:
            while True:
                await self._timed(POST, lambda: _good(http.post("/readings", json={"series": "siege", "fact": 1})))
                await asyncio.sleep(SEND_EVERY)

    async def _produce(self) -> None:
        number = 0
        while True:
            with suppress(OSError, WebSocketException, TimeoutError):
                async with connect(self._target.ws, compression=None, open_timeout=PATIENCE) as socket:
                    while True:
                        number += 1
                        await self._timed(ACKNOWLEDGEMENT, lambda: self._send(socket, number))  # noqa: B023
                        await asyncio.sleep(SEND_EVERY)
            self.seen.failures += 1
            await asyncio.sleep(SEND_EVERY)

    async def _send(self, socket: ClientConnection, number: int) -> None:
        reading = {"series": "siege", "plan": 40, "fact": number % 80}
        await socket.send(json.dumps({"id": f"siege {time.time()} {number}", "readings": [reading]}))
        if "ack" not in json.loads(await socket.recv()):
            self.seen.failures += 1

    async def _weigh(self) -> None:
        while True:
            self.seen.most = max(self.seen.most, self._weight())
            await asyncio.sleep(WEIGH_EVERY)

    async def _timed(self, what: str, ask: Callable[[], Awaitable[None]]) -> None:
        """Ask, and note how long that took, also where it is cut off at the end of the watch."""
        began = time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE):
                await ask()
        except (httpx.HTTPError, TimeoutError):
            self.seen.failures += 1
        finally:
            self.seen.waits[what] = max(self.seen.waits[what], time.perf_counter() - began)

    def _client(self) -> httpx.AsyncClient:
        """A client that reads no certificates, which would take as long as what is measured."""
        return httpx.AsyncClient(base_url=self._target.url, timeout=PATIENCE, trust_env=False, verify=False)

    async def _settled(self) -> int:
        """The memory after the attack. It is given back a few seconds later, to be used again until then."""
        loop = asyncio.get_running_loop()
        end = loop.time() + SETTLING
        while (weight := self._weight()) > self.seen.before + MARGIN and loop.time() < end:  # noqa: ASYNC110
            await asyncio.sleep(WEIGH_EVERY)
        return weight

    def _weight(self) -> int:
        try:
            memory: int = self._process.memory_info().rss
        except psutil.NoSuchProcess:
            return 0
        return memory


async def _received(socket: ClientConnection) -> None:
    await socket.recv()


async def _good(asking: Awaitable[httpx.Response]) -> None:
    (await asking).raise_for_status()
