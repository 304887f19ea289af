"""What is done to a cluster: to the machine whose server is the primary, to its standbys, and to what they replay."""

import asyncio
import json
import random
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import asyncpg
import httpx

from chaos.databases import execute
from chaos.patroni import NAMES, Cluster
from chaos.queries import query

HaFault = Callable[[], Awaitable[None]]

AWAY, CANCELLING, PAUSED = 40.0, 3.0, 15.0
"""Seconds that a machine is frozen, cut off or dead, which is longer than a failover takes; for which waits for
standbys are cancelled; and for which nothing is replayed."""


class ClusterFaults:
    """The faults of a cluster."""

    def __init__(self, cluster: Cluster, rng: random.Random) -> None:
        self._cluster, self._rng = cluster, rng

    def all(self) -> dict[str, HaFault]:
        """The faults by name; when one returns, what it broke is put right again."""
        return {
            "primary's server killed": self._kill_server(self._primary),
            "primary's machine killed": self._kill_machine(self._primary),
            "primary's machine frozen": self._freeze(self._primary),
            "primary's network cut": self._cut(self._primary),
            "switchover": self._switch,
            "waits for standbys cancelled, then primary's machine killed": self._cancel,
            "a standby's server killed": self._kill_server(self._standby),
            "a standby's machine killed": self._kill_machine(self._standby),
            "a standby's machine frozen": self._freeze(self._standby),
            "a standby's network cut": self._cut(self._standby),
            "standbys replay nothing": self._pause,
            "standbys replay nothing, then primary's machine killed": self._pause_and_kill,
        }

    async def _primary(self) -> str:
        return await self._cluster.primary()

    async def _standbys(self) -> list[str]:
        primary = await self._cluster.primary()
        return [name for name in NAMES if name != primary]

    async def _standby(self) -> str:
        return self._rng.choice(await self._standbys())

    def _kill_server(self, chosen: Callable[[], Awaitable[str]]) -> HaFault:
        async def kill() -> None:
            self._cluster.machines[await chosen()].send(signal.SIGKILL, _is_server)

        return kill

    def _kill_machine(self, chosen: Callable[[], Awaitable[str]]) -> HaFault:
        async def kill() -> None:
            await self._kill(await chosen())

        return kill

    async def _kill(self, name: str) -> None:
        await self._cluster.machines[name].kill()
        await asyncio.sleep(AWAY)
        await self._cluster.start(name)

    def _freeze(self, chosen: Callable[[], Awaitable[str]]) -> HaFault:
        async def freeze() -> None:
            machine = self._cluster.machines[await chosen()]
            machine.send(signal.SIGSTOP)
            try:
                await asyncio.sleep(AWAY)
            finally:
                machine.send(signal.SIGCONT)

        return freeze

    def _cut(self, chosen: Callable[[], Awaitable[str]]) -> HaFault:
        async def cut() -> None:
            machine = self._cluster.machines[await chosen()]
            await machine.connect(up=False)
            try:
                await asyncio.sleep(AWAY)
            finally:
                await machine.connect(up=True)

        return cut

    async def _switch(self) -> None:
        name, to = await self._primary(), self._rng.choice(await self._cluster.candidates())
        async with httpx.AsyncClient(timeout=60, trust_env=False) as http:
            where = f"http://{self._cluster.machines[name].address}:8008/switchover"
            answer = await http.post(where, content=json.dumps({"leader": name, "candidate": to}))
        if answer.is_error:
            raise RuntimeError(f"Patroni refuses the switchover: {answer.text}")

    async def _cancel(self) -> None:
        """Let no standby confirm anything, cancel the waits for them, and kill the machine before they can follow."""
        name = await self._primary()
        others = [one for one in self._cluster.machines.values() if one.name != name]
        for one in others:
            one.send(signal.SIGSTOP, _is_server)
        try:
            con = await asyncpg.connect(self._cluster.url(name))
            try:
                limit = time.monotonic() + CANCELLING
                while time.monotonic() < limit:
                    await con.execute(query("cancel_waits"))
                    await asyncio.sleep(0.05)
            finally:
                con.terminate()
            await self._cluster.machines[name].kill()
        finally:
            for one in others:
                one.send(signal.SIGCONT, _is_server)
        await asyncio.sleep(AWAY)
        await self._cluster.start(name)

    async def _pause(self) -> None:
        """One standby, or both."""
        async with self._paused((await self._standbys())[: self._rng.choice((1, 2))]):
            await asyncio.sleep(PAUSED)

    async def _pause_and_kill(self) -> None:
        """What is acknowledged meanwhile, the next primary has received, and not replayed."""
        name = await self._primary()
        async with self._paused(await self._standbys()):
            await asyncio.sleep(PAUSED)
            await self._kill(name)

    @asynccontextmanager
    async def _paused(self, names: Sequence[str]) -> AsyncIterator[None]:
        for name in names:
            await execute(self._cluster.url(name), query("pause_replay"))
        try:
            yield
        finally:
            for name in names:
                await execute(self._cluster.url(name), query("resume_replay"))


def _is_server(line: str) -> bool:
    return line.startswith(("/usr/lib/postgresql/", "postgres:"))
