"""The services on one database: what is done to each, for how long it has answered nobody, and what it reads from
standbys."""

import asyncio
import random
import re
import signal
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

import httpx

from chaos.processes import Service
from chaos.silence import Silence

LOOK_EVERY = 2.0
"""Seconds between two looks at the metrics, and so the most whose reads a service that is killed takes with it."""
FROZEN = 40.0
"""Seconds that one is frozen, which is longer than it takes another one to take its place."""
READS = re.compile(r'^taktline_standby_reads_total\{outcome="(\w+)"\} (\S+)$', re.MULTILINE)


class Replica:
    """One of the services."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.acknowledging, self.answering = Silence(), Silence()
        """How long nothing that was written was acknowledged, and nothing that was asked for answered."""
        self.reads: Counter[str] = Counter()
        """Its reads by who answered them, or why no standby could."""
        self._last: Counter[str] = Counter()

    @property
    def silences(self) -> tuple[Silence, Silence]:
        """Both of them."""
        return self.acknowledging, self.answering

    async def watch(self) -> None:
        """Measure its memory and count its reads, until cancelled."""
        while True:
            self.service.measure()
            await self.count_reads()
            await asyncio.sleep(LOOK_EVERY)

    async def count_reads(self) -> None:
        """Add up what its metrics tell of reads. They begin anew with each process."""
        with suppress(httpx.TransportError):
            async with httpx.AsyncClient(base_url=self.service.url, timeout=5, trust_env=False) as http:
                found = READS.findall((await http.get("/metrics")).text)
            now = Counter({outcome: round(float(count)) for outcome, count in found})
            self.reads += now if now.total() < self._last.total() else now - self._last
            self._last = now


class ReplicaFaults:
    """The faults of one service among several, chosen at random; when one returns, all are ready."""

    def __init__(self, replicas: Sequence[Replica], rng: random.Random) -> None:
        self._replicas, self._rng = replicas, rng

    def all(self) -> dict[str, Callable[[], Awaitable[None]]]:
        """The faults by name."""
        return {
            "a replica killed": self._kill,
            "a replica told to stop": self._stop,
            "a replica frozen": self._freeze,
        }

    def _one(self) -> Replica:
        return self._rng.choice(self._replicas)

    async def _kill(self) -> None:
        one = self._one()
        await one.service.kill()
        await self._start(one)

    async def _stop(self) -> None:
        one = self._one()
        await one.service.stop()
        await self._start(one)

    async def _start(self, one: Replica) -> None:
        await one.service.start()
        await one.service.ready()
        self._forgive(one)

    async def _freeze(self) -> None:
        one = self._one()
        one.service.running.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(FROZEN)
        finally:
            one.service.running.send_signal(signal.SIGCONT)
        self._forgive(one)

    def _forgive(self, one: Replica) -> None:
        """Count its silence only from now on; the others had no reason to be silent."""
        for silence in one.silences:
            silence.begin()
