"""Ends a command when everything is delivered, or when a signal stops it."""

import asyncio
import os
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress

from emitter.errors import EmitterError
from emitter.producer import Producer


@contextmanager
def stop_signals() -> Iterator[asyncio.Event]:
    """An event that the first SIGTERM or SIGINT sets. A second signal has its usual effect."""
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
    producer: Producer, producing: Coroutine[object, object, None], stop: asyncio.Event, grace: float
) -> bool:
    """Runs `producing` until everything that it produced is answered, and returns True. When `stop` is set, waits
    `grace` more seconds and returns False.

    Raises the EmitterError that ended `producing`, once everything that was produced before is answered.
    """
    finishing, stopping = asyncio.create_task(_finish(producer, producing)), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait((finishing, stopping), return_when=asyncio.FIRST_COMPLETED)
        if finishing.done():
            await finishing
            return True
    finally:
        for task in (finishing, stopping):
            task.cancel()
        await asyncio.gather(finishing, stopping, return_exceptions=True)
    if producer.connected:  # without a connection no more answers can come
        await producer.drained(grace)
    return False


def wait_for_end_of_input() -> None:
    """Waits until standard input ends, because the process at its other end closes it or has ended."""
    with suppress(OSError):
        while os.read(0, 4096):
            pass


async def _finish(producer: Producer, producing: Coroutine[object, object, None]) -> None:
    try:
        await producing
    except EmitterError:
        await producer.drained()
        raise
    await producer.drained()
