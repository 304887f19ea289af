"""How a command ends: when all is delivered, or when somebody says stop."""

import asyncio
import os
import signal
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress

from emitter.errors import EmitterError
from emitter.producer import Producer


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
    producer: Producer, producing: Coroutine[object, object, None], stop: asyncio.Event, grace: float
) -> bool:
    """Until everything produced is answered: True. Told to `stop`, waits `grace` seconds more: False.

    EmitterError: what producing stumbled over, when all that was produced before is answered.
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
    if producer.connected:  # without a connection there is nothing to wait for
        await producer.drained(grace)
    return False


def wait_for_end_of_input() -> None:
    """Returns when whoever holds the other end of standard input lets it go, by intent or by dying."""
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
