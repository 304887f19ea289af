"""Runs blocking calls outside of the event loop."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def in_thread(call: Callable[[], T]) -> T:
    """Like `asyncio.to_thread`, but in a daemon thread, so that a read that blocks for ever doesn't keep the process
    alive."""
    future: Future[T] = Future()
    threading.Thread(target=_settle, args=(future, call), daemon=True).start()
    return await asyncio.wrap_future(future)


def _settle(future: Future[T], call: Callable[[], T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = call()
    except Exception as exc:  # raised again where the call is awaited
        future.set_exception(exc)
    else:
        with suppress(RuntimeError):  # the loop is closed, so nobody waits for the result
            future.set_result(result)
