"""Puts a load on a service over many connections."""

import asyncio
import resource
import time
from collections import deque
from collections.abc import Callable
from typing import NoReturn

import msgspec

from bench.load.board import Board, Spread, Summary
from bench.load.lane import DIALS, Lane
from bench.load.score import Score
from bench.load.supply import Load, Supply
from bench.load.wire import Wire, wire_maker
from emitter.commands.stopping import stop_signals
from emitter.commands.words import readings
from emitter.errors import BadSettings, NotFinished
from emitter.producer.link import Link

TICK = 0.002
"""Seconds between two checks for batches that are due."""
SPARE_FILES = 100


class Course(msgspec.Struct, frozen=True, kw_only=True):
    """How a load is sent: over `connections`, and over `idle` ones that send a reading every `every` seconds each, for
    so many `seconds`. None means until all of the load is sent."""

    connections: int = 8
    idle: int = 0
    every: float = 10.0
    seconds: float | None = None


class Traffic:
    """Puts a load on a service."""

    def __init__(self, link: Link, load: Load, course: Course, make_wire: Callable[[], Wire] | None = None) -> None:
        self.score = Score()
        if load.transport != "ws":  # over HTTP a request has to wait for the answer to the previous one
            link = msgspec.structs.replace(link, window=1)
        self.link, self.load, self.course = link, load, course
        self._supply = Supply(load)
        make_wire = make_wire or wire_maker(link, load.transport)
        busy = self._supply if load.rate is None else None
        self._lanes = deque(Lane(link, make_wire, busy, self.score) for _ in range(course.connections))
        self._idle = [Lane(link, make_wire, None, self.score) for _ in range(course.idle)]
        self._stirred = 0
        self._started = self._ended = self._cpu = 0.0

    async def run(self, shown: Board, grace: float = 2.0) -> None:
        """Runs to the end, or until `grace` seconds after a signal.

        Raises NotFinished where answers are missing, and the ProducerError that ended a connection for good.
        """
        allow_files(self.course.connections + self.course.idle)
        dials = asyncio.Semaphore(DIALS)
        try:
            with stop_signals() as stop:
                async with asyncio.TaskGroup() as group:
                    work = [lane.run(dials) for lane in (*self._lanes, *self._idle)]
                    tasks = [group.create_task(each) for each in (*work, _show(shown, self.score))]
                    await self._conduct(stop, grace)
                    for task in tasks:
                        task.cancel()
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        finally:
            self._finish()

    @property
    def began(self) -> bool:
        """Whether all connections were made, before which nothing is sent."""
        return self._started > 0

    def summary(self) -> Summary:
        """The results, once sending has begun."""
        score = self.score
        score.turn()
        seconds = max((score.last_answer or self._ended) - self._started, 1e-9)
        return Summary(
            url=self.link.name,
            transport=self.load.transport,
            connections=self.course.connections,
            idle=self.course.idle,
            batch=self.load.batch,
            window=self.link.window,
            seconds=round(seconds, 3),
            readings=score.answered,
            rate=round(score.answered / seconds, 1),
            duplicates=score.duplicates,
            refused=score.refused,
            unanswered=score.unanswered,
            batches=score.total.count,
            retries=score.retries,
            latency=Spread.of(score.total),
            sent_bytes=score.sent_bytes,
            received_bytes=score.received_bytes,
            generator_cpu=round(self._cpu / (self._ended - self._started), 3),
            refusal=score.refusal,
        )

    async def _conduct(self, stop: asyncio.Event, grace: float) -> None:
        """Waits for the connections, sends, and waits for the last answers."""
        await _until(lambda: self.score.connected == len(self._lanes) + len(self._idle), stop)
        self._started, self._cpu = time.monotonic(), time.process_time()
        if self._lanes:
            self._supply.start()
        if self.load.rate is None:
            for lane in self._lanes:
                lane.fill()
        end = self._started + (self.course.seconds or float("inf"))
        await _until(lambda: time.monotonic() >= end or self._used_up(), stop, self._feed)
        self._supply.close()
        patience = grace if stop.is_set() else self.link.ack_timeout
        last = time.monotonic() + patience
        await _until(lambda: not self.score.unanswered or time.monotonic() >= last)
        if self.score.unanswered and not stop.is_set():
            raise NotFinished(f"{readings(self.score.unanswered, 'not answered')} within {patience:g} s.")

    def _used_up(self) -> bool:
        return bool(self._lanes) and self._supply.closed

    def _feed(self) -> None:
        """Distributes batches that are due to the connections in turn. Without a rate, the connections take batches
        themselves."""
        passed = 0 if self.load.rate else len(self._lanes)
        while passed < len(self._lanes):
            lane = self._lanes[0]
            self._lanes.rotate(-1)
            if not lane.has_room:
                passed += 1
            elif batch := self._supply.take():
                lane.give(batch)
                passed = 0
            else:
                break
        self._stir()

    def _stir(self) -> None:
        """Lets the idle connections send one after the other, evenly spread over their interval."""
        due = (time.monotonic() - self._started) / self.course.every * len(self._idle)
        while self._stirred < due:
            self._idle[self._stirred % len(self._idle)].give(self._supply.make(1))
            self._stirred += 1

    def _finish(self) -> None:
        if self._started:
            self._ended = time.monotonic()
            self._cpu = time.process_time() - self._cpu


async def _until(
    condition: Callable[[], bool], stop: asyncio.Event | None = None, work: Callable[[], None] = lambda: None
) -> None:
    """Repeats `work` until the condition holds or `stop` is set."""
    while not condition() and not (stop and stop.is_set()):
        work()
        await asyncio.sleep(TICK)


async def _show(shown: Board, score: Score) -> NoReturn:
    while True:
        await asyncio.sleep(1)
        shown(score)


def allow_files(connections: int) -> None:
    """Allows this process and those that it starts so many sockets. Raises BadSettings where the system doesn't permit
    it."""
    wanted = connections + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and wanted > hard:
        raise BadSettings(
            f"{connections:,} connections are more than the system allows: raise `ulimit -Hn`, which is {hard} now."
        )
    if soft != resource.RLIM_INFINITY and wanted > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
