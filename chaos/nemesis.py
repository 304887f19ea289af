"""Makes things fail at random. Two tasks do so at the same time: one with the servers, one with the connections to
them."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NoReturn

from chaos.databases import Database
from chaos.history import History
from chaos.processes import Program, Service
from chaos.proxy import Proxy, Way

Act = Callable[[], Awaitable[None]]


class Nemesis:
    """Causes the faults of one installation."""

    def __init__(
        self,
        service: Service,
        emitter: Program,
        between: Sequence[Proxy],
        database: Database,
        history: History,
        seed: int,
    ) -> None:
        self._service, self._emitter, self._between = service, emitter, between
        self._database, self._history = database, history
        self._rng = random.Random(seed)
        self.done: dict[str, list[float]] = defaultdict(list)
        """The seconds that each fault took, including the time until the service was ready again where it had to
        recover."""
        self.pace = 3.0
        """Seconds between two faults, on average."""

    async def run(self) -> NoReturn:
        """Run until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._rage(self._on_servers()))
            group.create_task(self._rage(self._on_connections()))
        raise AssertionError

    def _on_servers(self) -> dict[str, Act]:
        service = self._service
        database: dict[str, Act] = {
            name: self._recovered(lambda fault=fault: fault(service))  # type: ignore[misc]
            for name, fault in self._database.faults().items()
        }
        return database | {
            "service killed": self._recovered(self._kill),
            "service told to stop": self._recovered(self._stop),
        }

    def _on_connections(self) -> dict[str, Act]:
        return {
            "frame or request cut": lambda: self._cut_within(Way.IN),
            "answer cut": lambda: self._cut_within(Way.OUT),
            "all connections cut": self._cut,
            "network silent": self._silence,
            "emitter killed": lambda: self._restart_emitter(kill=True),
            "emitter told to stop": lambda: self._restart_emitter(kill=False),
        }

    async def _rage(self, acts: Mapping[str, Act]) -> NoReturn:
        todo: list[str] = []
        while True:
            todo = todo or self._rng.sample(list(acts), len(acts))  # all faults equally often, in random order
            await asyncio.sleep(self._rng.expovariate(1 / self.pace))
            name = todo.pop()
            started = time.monotonic()
            act = asyncio.ensure_future(acts[name]())
            try:
                await asyncio.shield(act)
            except asyncio.CancelledError:
                await act  # a fault that has begun is completed even if this task is cancelled
                raise
            self.done[name].append(time.monotonic() - started)

    def _recovered(self, act: Act) -> Act:
        """The act, followed by waiting until the service is ready again."""

        async def both() -> None:
            await act()
            await self._service.ready()

        return both

    async def _kill(self) -> None:
        await self._service.kill()
        await self._service.start()

    async def _stop(self) -> None:
        await self._service.stop()
        await self._service.start()

    async def _cut_within(self, way: Way) -> None:
        for one in self._between:
            one.cut_within(way, self._rng)
        await asyncio.sleep(self._rng.uniform(0.05, 0.5))
        for one in self._between:
            one.tamper = None

    async def _cut(self) -> None:
        for one in self._between:
            one.cut()

    async def _silence(self) -> None:
        for one in self._between:
            one.stall()
        await asyncio.sleep(self._rng.uniform(0.3, 4))
        if self._rng.random() < 0.5:
            await self._cut()
        for one in self._between:
            one.resume()

    async def _restart_emitter(self, *, kill: bool) -> None:
        if kill:
            await self._emitter.kill()
            await self._emitter.start()
            return
        await self._emitter.wait_for_log(b"emitting")  # it may have been started just now
        if (status := await self._emitter.terminate(10)) != 0:
            self._history.violate(f"the emitter was told to stop: exit status {status}")
        await self._emitter.start()
