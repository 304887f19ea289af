"""A worker as its parent sees it: a process, what it has counted, and when it was last heard of."""

import asyncio
import multiprocessing
import signal
import socket
from collections.abc import Coroutine
from contextlib import suppress
from itertools import count
from multiprocessing.context import SpawnProcess
from typing import Any, Self

import psutil

from service.crew import Channel, FromParent, FromWorker, Tell, parent_channel
from service.exposition import Counted
from service.run.worker import Post, work
from service.settings import Settings


class Member:
    """One worker, from its start to its end."""

    def __init__(self, number: int, process: SpawnProcess, channel: Channel[FromParent, FromWorker]) -> None:
        self.number, self._process, self.channel = number, process, channel
        self.ready = False
        """Whether it takes connections."""
        self.metrics: list[Counted] = []
        """What it has counted, as last heard."""
        self._asked = count(1)
        self._answers: dict[int, asyncio.Future[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._gone = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._heard = self._loop.time()
        self._loop.add_reader(process.sentinel, self._gone.set)

    @classmethod
    async def start(cls, settings: Settings, post: Post, ours: socket.socket) -> Self:
        """Start a worker, whose parent listens at `ours`."""
        # spawned and not forked, so that the parent may have an event loop
        process = multiprocessing.get_context("spawn").Process(target=work, args=(settings, post))
        process.start()
        for sock in (post.http, post.tcp, post.parent):  # so that the worker holds the only copies
            if sock is not None:
                sock.close()
        return cls(post.number, process, await parent_channel(ours))

    @property
    def silence(self) -> float:
        """Seconds since it was last heard of."""
        return self._loop.time() - self._heard

    @property
    def status(self) -> int | None:
        """Its exit status; negative where a signal has ended it."""
        return self._process.exitcode

    @property
    def how(self) -> str:
        """How it has ended."""
        status = self.status
        return f"signal {signal.Signals(-status).name}" if status is not None and status < 0 else f"status {status}"

    def heard(self) -> None:
        """Note that it has said something."""
        self._heard = self._loop.time()

    def told(self, asked: int, metrics: list[Counted]) -> None:
        """Note what it has counted, in answer to the question of this number."""
        self.metrics = metrics
        if (answer := self._answers.get(asked)) is not None and not answer.done():
            answer.set_result(None)

    async def ask(self, within: float) -> None:
        """Ask what it has counted, and wait for the answer, for so many seconds at most."""
        asked = next(self._asked)
        answer = self._answers[asked] = self._loop.create_future()
        self.channel.send(Tell(asked))
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                await answer
        del self._answers[asked]

    def do(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something for it while others go on."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def send(self, sig: signal.Signals) -> None:
        """Send it a signal."""
        with suppress(ProcessLookupError, psutil.NoSuchProcess):
            psutil.Process(self._process.pid).send_signal(sig)

    def kill(self) -> None:
        """End it and the processes that it has started, at once."""
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(self._process.pid)
            for one in (*process.children(recursive=True), process):
                with suppress(psutil.NoSuchProcess):
                    one.kill()

    async def ended(self, within: float) -> None:
        """Wait until its process has ended, and end it after so many seconds."""
        try:
            async with asyncio.timeout(within):
                await self._gone.wait()
        except TimeoutError:
            self.kill()
            await self._gone.wait()
        self._loop.remove_reader(self._process.sentinel)
        self._process.join()
        await self.channel.close()
