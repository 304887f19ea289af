"""Producer and sender at work together, until all is delivered or somebody says stop."""

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from typing import TypeVar

from emitter.client import Sender
from emitter.errors import EmitterError

T = TypeVar("T")


@contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """An event that SIGTERM and SIGINT set. A second signal has its usual effect."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def tell(number: int) -> None:
        stop.set()
        loop.remove_signal_handler(number)

    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, tell, number)
    try:
        yield stop
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


async def deliver(
    sender: Sender, producing: Coroutine[object, object, None], stop: asyncio.Event, grace: float
) -> bool:
    """Runs both until everything produced is answered: True. Told to `stop`, waits `grace` seconds more: False.

    EmitterError: what the producer or the sender stumbled over; a producer's is raised when what it produced
    before is answered.
    """
    try:
        async with asyncio.TaskGroup() as group:
            sending = group.create_task(sender.run())
            finishing = group.create_task(_finish(sender, producing))
            stopping = group.create_task(stop.wait())
            await asyncio.wait((finishing, stopping), return_when=asyncio.FIRST_COMPLETED)
            finished = finishing.done()
            finishing.cancel()
            stopping.cancel()
            if not finished:
                await _last_answers(sender, grace)
            sending.cancel()
    except ExceptionGroup as failures:
        raise failures.exceptions[0] from None
    return finished


async def _finish(sender: Sender, producing: Coroutine[object, object, None]) -> None:
    try:
        await producing
    except EmitterError:
        await sender.outbox.drained()
        raise
    await sender.outbox.drained()


async def _last_answers(sender: Sender, grace: float) -> None:
    """Without a connection there is nothing to wait for."""
    if sender.connected:
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await sender.outbox.drained()


async def in_thread(call: Callable[[], T]) -> T:
    """Like `asyncio.to_thread`, in a daemon thread: a read that blocks for ever doesn't hold up the exit."""
    future: Future[T] = Future()
    threading.Thread(target=_settle, args=(future, call), daemon=True).start()
    return await asyncio.wrap_future(future)


def wait_for_end_of_input() -> None:
    """Returns when whoever holds the other end of standard input lets it go, by intent or by dying."""
    with suppress(OSError):
        while os.read(0, 4096):
            pass


def _settle(future: Future[T], call: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except Exception as exc:  # handed over to whoever awaits it
        future.set_exception(exc)
    else:
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            future.set_result(result)
