"""A process of its own for work that holds the interpreter's lock; it may be killed at any time."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Generic, TypeVar

NICE = 10
"""How far workers step back behind others who want the processor."""

T = TypeVar("T")


class WorkerDied(Exception):
    """The process ended before it answered."""


class Worker(Generic[T]):
    """Calls `work` in its process, one call at a time; `work` is a function of a module, so that it can be found there.

    A pipe to each process is all there is: when one dies or is killed, its pipe ends, and who waits for an answer
    knows at once. No queue, lock or thread is shared with other workers, so nothing that happens to one harms another.
    """

    def __init__(self, work: Callable[..., T]) -> None:
        # spawn: a process forked after the first picture hangs for ever
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, work), name="taktline worker", daemon=True)
        self._process.start()
        theirs.close()  # now its end closes with the process
        self._thread = ThreadPoolExecutor(1, "worker")
        self._is_ready = self._is_killed = False

    async def ready(self) -> None:
        """Wait until the process has started, which takes a second, and more where much else is going on."""
        if not self._is_ready:
            await self._run(self._receive)
            self._is_ready = True

    async def call(self, *args: object, **kwargs: object) -> T:
        """What `work` answers, or raises, once the process is ready. WorkerDied: nothing more will come of this worker.

        Who stops waiting has to kill the worker: it would answer the next question with this one's answer.
        """
        return await self._run(self._ask, args, kwargs)

    def kill(self) -> None:
        """End the process, whatever it is at, and even if it is stopped. To be called once."""
        self._is_killed = True
        self._process.kill()
        self._thread.submit(self._bury)  # after the question that it doesn't answer any more
        self._thread.shutdown(wait=False)

    def join(self) -> None:
        """Wait until the process that was killed is gone."""
        self._thread.shutdown()

    async def _run(self, do: Callable[..., T], *args: object) -> T:
        if self._is_killed:
            raise WorkerDied
        return await asyncio.get_running_loop().run_in_executor(self._thread, do, *args)

    def _bury(self) -> None:
        self._process.join()
        self._pipe.close()

    def _ask(self, args: tuple[object, ...], kwargs: dict[str, object]) -> T:
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


def _serve(pipe: Connection, work: Callable[..., Any]) -> None:
    """Answer until the other end is closed."""
    # Ctrl-C reaches every process of a terminal: the owner ends the workers in order
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _step_back()
    with suppress(EOFError, OSError):
        pipe.send("ready")
        while True:
            args, kwargs = pipe.recv()
            pipe.send(_answer(work, args, kwargs))


def _step_back() -> None:
    """Let others go first, us with readings and the database with commits: a picture can wait for some milliseconds.

    Niceness alone does little: Linux shares a processor between sessions first, then within them, and whoever wakes up
    beside a busy process waits for the next tick, nice or not. So there is also one processor that we never use.
    """
    os.nice(NICE)
    with suppress(OSError):  # not on every system, nor in every container
        os.setsid()
        Path("/proc/self/autogroup").write_text(str(NICE), encoding="ascii")
    with suppress(OSError, AttributeError):
        processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, processors[1:] or processors)


def _answer(work: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, Exception | None]:
    try:
        return work(*args, **kwargs), None
    except Exception as exc:  # whoever asked is the one to handle it
        return None, exc
