"""A process of its own for work that holds the interpreter's lock; it may be killed at any time."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Generic, ParamSpec, TypeVar

NICE = 5
"""The niceness of workers: how readily they leave the processor to other processes."""

P = ParamSpec("P")
T = TypeVar("T")
Q = ParamSpec("Q")
R = TypeVar("R")


class WorkerDied(Exception):
    """The process ended before it answered."""


class Worker(Generic[P, T]):
    """Calls `work` in a process of its own, one call at a time. `work` has to be a function of a module, since the
    process imports it by its name.

    A pipe is all that connects the service with the process: when the process dies or is killed, the pipe ends, and
    whoever waits for an answer learns it at once. Workers share no queue, lock or thread, so that nothing that happens
    to one of them harms another.
    """

    def __init__(self, work: Callable[P, T]) -> None:
        # spawned and not forked: a process forked after the drawing library's first picture hangs for ever
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, work), name="taktline worker", daemon=True)
        self._process.start()
        theirs.close()  # so that the process holds the only copy of its end, and the pipe ends with it
        self._thread = ThreadPoolExecutor(1, "worker")
        self._is_ready = self._is_killed = False

    async def ready(self) -> None:
        """Wait until the process has started, which takes a second, and more where much else is going on."""
        if not self._is_ready:
            await self._run(self._receive)
            self._is_ready = True

    async def call(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """What `work` returns or raises, once the process is ready. WorkerDied: this worker is of no more use.

        A caller that stops waiting has to kill the worker, which would answer the next call with the result of this
        one.
        """
        return await self._run(self._ask, args, kwargs)

    def kill(self) -> None:
        """End the process, whatever it is doing, even if it is suspended. May be called once only."""
        self._is_killed = True
        self._process.kill()
        self._thread.submit(self._bury)  # after the call that waits for an answer that won't come
        self._thread.shutdown(wait=False)

    def join(self) -> None:
        """Wait until the killed process has ended."""
        self._thread.shutdown()

    async def _run(self, do: Callable[Q, R], *args: Q.args, **kwargs: Q.kwargs) -> R:
        if self._is_killed:
            raise WorkerDied
        return await asyncio.get_running_loop().run_in_executor(self._thread, partial(do, *args, **kwargs))

    def _bury(self) -> None:
        self._process.join()
        self._pipe.close()

    def _ask(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> T:
        try:
            self._pipe.send((args, kwargs))
        except OSError as exc:
            raise WorkerDied from exc
        answer, error = self._receive()
        if error is not None:
            raise error
        return answer  # type: ignore[no-any-return]

    def _receive(self) -> Any:
        try:
            return self._pipe.recv()
        except (EOFError, OSError) as exc:
            raise WorkerDied from exc


def _serve(pipe: Connection, work: Callable[P, T]) -> None:
    """Answer calls until the other end of the pipe is closed."""
    # Ctrl-C reaches every process of a terminal, but it is for the service to end its workers
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _step_back()
    with suppress(EOFError, OSError):
        pipe.send("ready")
        while True:
            args, kwargs = pipe.recv()
            pipe.send(_answer(work, *args, **kwargs))


def _step_back() -> None:
    """Let the service go first with its readings and the database with its commits: a picture can wait for some
    milliseconds.

    Niceness alone does little. Linux shares a processor between sessions first and within them afterwards, and a
    process that wakes up beside a busy one waits for the next tick, however nice the other is. So workers get a
    session of their own, and never run on the first processor.
    """
    os.nice(NICE)
    with suppress(OSError):  # not every system, nor every container, allows it
        os.setsid()
        Path("/proc/self/autogroup").write_text(str(NICE), encoding="ascii")
    with suppress(OSError, AttributeError):
        processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, processors[1:] or processors)


def _answer(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> tuple[T | None, Exception | None]:
    try:
        return work(*args, **kwargs), None
    except Exception as exc:  # it is raised again where the call was made
        return None, exc
