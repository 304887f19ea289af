"""The parent of several workers, which are a service together: reserves the port that they share, starts a process for
each, starts another in the place of one that ends, adds up what they count, and ends all of them within one grace.

It does nothing for any request. Each worker listens at a socket of its own, among which the kernel shares out the
connections: of one socket for all, the worker that waited last would take nearly all of them. A socket ends with its
worker, so that nobody waits at one that is gone: see docs/decisions/workers.md.
"""

import asyncio
import signal
import socket
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from typing import assert_never

import structlog

from service.crew import Asking, Ready, Standing, Together, Told
from service.errors import StartError
from service.run.lifecycle import LAST_RESORT
from service.run.main_task import INTERRUPTED
from service.run.member import Member
from service.run.server import another, reserve
from service.run.tally import Tally
from service.run.worker import Post
from service.settings import Settings

COUNT_EVERY = 5.0
"""Seconds between two times that all workers are asked what they have counted. A worker that is killed takes with it
what it has counted since."""
ANSWER_WITHIN = 2.0
"""Seconds that they have to answer; where one doesn't, its answer before holds."""
SILENT_FOR = 60.0
"""Seconds of silence after which a worker counts as hung, and is killed. Nothing acknowledged is lost by that."""
PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds until another worker is started in the place of one that has ended, twice as many each time, and the most
that they come to."""
WELL_AFTER = 60.0
"""Seconds after which a worker is no failure, however it ends, so that the pauses begin anew."""

log = structlog.stdlib.get_logger("service")


async def run_workers(settings: Settings) -> int:
    """Run the service in so many workers as the settings say, until it is told to stop. Returns the exit status."""
    with ExitStack() as bound:
        http = bound.enter_context(reserve(settings.api_host, settings.api_port, "API_PORT"))
        tcp = None
        if settings.tcp_port:
            tcp = bound.enter_context(reserve(settings.api_host, settings.tcp_port, "TCP_PORT"))
        workers = Workers(settings, http, tcp)
        loop = asyncio.get_running_loop()
        for sig in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sig, workers.signalled, sig)
            bound.callback(loop.remove_signal_handler, sig)
        return await workers.run()


class Workers:
    """All workers of a service."""

    def __init__(self, settings: Settings, http: socket.socket, tcp: socket.socket | None) -> None:
        self._settings, self._http, self._tcp = settings, http, tcp
        self._members: dict[int, Member] = {}
        self._opened, self._stopping = asyncio.Event(), asyncio.Event()
        self._status = 0
        self._tally = Tally(lambda: self._standing.ready)

    async def run(self) -> int:
        """Run until told to stop, or until the first worker couldn't start. Returns the exit status."""
        numbers = range(1, self._settings.workers + 1)
        first, *others = (self._keep(number) for number in numbers)
        # one alone, first, which brings the schema up to date, and says in one sentence what keeps it from starting
        tasks = [asyncio.create_task(first)]
        await _either(self._opened, self._stopping)
        tasks += [asyncio.create_task(one) for one in others]
        counting = asyncio.create_task(self._count_again())
        await asyncio.wait(tasks)
        counting.cancel()
        if not self._status:
            log.info("stopped")
        return self._status

    def signalled(self, sig: signal.Signals) -> None:
        """Stop, in no more time than the one grace; a second SIGINT shortens it."""
        if not self._stopping.is_set():
            self._stop(0 if self._opened.is_set() else INTERRUPTED)
            for member in self._members.values():
                member.send(signal.SIGTERM)
        elif sig == signal.SIGINT:
            for member in self._members.values():
                member.send(sig)

    def _stop(self, status: int) -> None:
        self._status = status
        self._stopping.set()
        # they leave by themselves before, unless they hang
        grace = self._settings.shutdown_grace.total_seconds() - LAST_RESORT / 2
        asyncio.get_running_loop().call_later(max(0.0, grace), self._kill)

    def _kill(self) -> None:
        for member in self._members.values():
            log.warning("a worker doesn't end in time, and is killed", worker=member.number)
            member.kill()

    async def _keep(self, number: int) -> None:
        """Keep a worker running under this number until told to stop."""
        loop, failures = asyncio.get_running_loop(), 0
        while not self._stopping.is_set():
            began = loop.time()
            status, why = await self._run_one(number)
            if self._stopping.is_set():
                break
            if not self._opened.is_set():
                self._stop(max(1, status or 1))
                break
            failures = 0 if loop.time() - began > WELL_AFTER else failures + 1
            pause = min(LONGEST_PAUSE, PAUSE * 2 ** (failures - 1)) if failures else PAUSE
            log.error("a worker has ended; it is started again", worker=number, why=why, after=f"{pause:g} s")
            with suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._stopping.wait()
                    break
            self._tally.restarted()

    async def _run_one(self, number: int) -> tuple[int | None, str]:
        """Run a worker until its end. Returns its exit status, and how it has ended."""
        try:
            member = await self._started(number)
        except (OSError, StartError) as exc:  # for want of memory, processes or files
            return None, f"it can't be started: {exc}"
        try:
            await self._listen(member)
            await member.ended(self._settings.shutdown_grace.total_seconds())
        finally:
            del self._members[number]
            self._tally.ended(member.metrics)
            self._tell_standing()
        return member.status, member.how

    async def _started(self, number: int) -> Member:
        ours, theirs = socket.socketpair()
        first = number == 1 and not self._opened.is_set()
        tcp = None if self._tcp is None else another(self._tcp)
        post = Post(number, first, another(self._http), tcp, theirs)
        member = self._members[number] = await Member.start(self._settings, post, ours)
        if self._stopping.is_set():  # meanwhile
            member.send(signal.SIGTERM)
        return member

    async def _listen(self, member: Member) -> None:
        """Hear what a worker says, until it is gone."""
        async for message in member.channel.messages():
            member.heard()
            match message:
                case Ready():
                    self._take(member)
                case Told(asked, metrics):
                    member.told(asked, metrics)
                case Asking(asked, metrics):
                    member.metrics = metrics
                    member.do(self._answer(member, asked))
                case _:
                    assert_never(message)

    def _take(self, member: Member) -> None:
        """Learn that a worker takes connections."""
        member.ready = True
        self._tell_standing()
        if self._standing.ready == self._settings.workers:
            log.info("all workers take connections", workers=self._settings.workers)
        self._opened.set()

    @property
    def _standing(self) -> Standing:
        return Standing(self._settings.workers, sum(member.ready for member in self._members.values()))

    def _tell_standing(self) -> None:
        for member in self._members.values():
            member.channel.send(self._standing)

    async def _answer(self, member: Member, asked: int) -> None:
        """Tell a worker what all have counted."""
        await self._count(other for other in self._members.values() if other is not member)
        total = self._tally.total(one.metrics for one in self._members.values())
        member.channel.send(Together(asked, total))

    async def _count(self, members: Iterable[Member]) -> None:
        """Ask workers what they have counted."""
        await asyncio.gather(*(member.ask(ANSWER_WITHIN) for member in members))

    async def _count_again(self) -> None:
        while True:
            await asyncio.sleep(COUNT_EVERY)
            await self._count(list(self._members.values()))
            for member in self._members.values():
                if member.ready and member.silence > SILENT_FOR and not self._stopping.is_set():
                    log.error("a worker hangs, and is killed", worker=member.number, silent=f"{member.silence:.0f} s")
                    member.kill()


async def _either(*events: asyncio.Event) -> None:
    """Wait until one of the events has come."""
    waits = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
