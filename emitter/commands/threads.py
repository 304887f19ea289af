"""Calls that block, off the event loop."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def in_thread(call: Callable[[], T]) -> T:
    """Like `asyncio.to_thread`, in a daemon thread: a read that blocks for ever doesn't hold up the exit."""
    future: Future[T] = Future()
    threading.Thread(target=_settle, args=(future, call), daemon=True).start()
    return await asyncio.wrap_future(future)


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
