"""The periodic maintenance: deletes old batch ids, notes which keys were used, refreshes rollups after late readings,
adds names of series that are lacking, checks that the schema is whole, and watches the engine's background jobs."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import structlog

from service.errors import TaktlineError
from service.store import FORGOTTEN, Store
from service.upkeep.job_watch import JobWatch

FORGET_EVERY = 600.0
"""Seconds between two rounds of deleting old batch ids."""
JOBS_EVERY = 60.0
"""Seconds between two checks of the engine's background jobs."""
SERIES_EVERY = 60.0
"""Seconds between two looks for series whose names replicas of an earlier version have left out of their table."""
USED_EVERY = 60.0
"""Seconds between two notes of which keys were used: one a request would cost more than the request."""
LATE_EVERY = 10.0
"""Seconds between two searches for late readings."""

CHECK_EVERY = 15.0
"""Seconds between two checks that nothing of the schema is missing."""

log = structlog.stdlib.get_logger("maintenance")


async def maintain(
    store: Store, watch: JobWatch, batch_memory: timedelta, note_used: Callable[[], Awaitable[None]]
) -> None:
    """Run until cancelled. A round that fails is logged, and the next one comes at its usual time. `note_used` writes
    down which keys were used."""
    async with asyncio.TaskGroup() as group:
        group.create_task(every(SERIES_EVERY, _if_whole(store, store.series.note_missed)))
        group.create_task(every(USED_EVERY, _if_whole(store, note_used)))
        group.create_task(every(CHECK_EVERY, partial(_check, store)))
        group.create_task(every(FORGET_EVERY, _if_whole(store, partial(_forget, store, batch_memory))))
        if store.server.edition == "community":
            group.create_task(every(LATE_EVERY, _if_whole(store, store.rollups.refresh_late)))
            await _try(watch.look)
            group.create_task(every(JOBS_EVERY, _if_whole(store, watch.round)))


def _if_whole(store: Store, work: Callable[[], Awaitable[object]]) -> Callable[[], Awaitable[None]]:
    """The work, left out while something of the schema is missing, in whose place another's might be changed."""

    async def guarded() -> None:
        if store.inventory.lacking is None:
            await work()

    return guarded


async def _check(store: Store) -> None:
    before = store.inventory.lacking
    await store.inventory.look()
    now = store.inventory.lacking
    if now != before:
        log.error("the schema isn't whole", why=now) if now else log.info("the schema is whole again")


async def every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    """Do the work again and again, so many seconds after it was last done, whatever goes wrong with it."""
    while True:
        await asyncio.sleep(seconds)
        await _try(work)


async def _try(work: Callable[[], Awaitable[object]]) -> None:
    try:
        await work()
    except TaktlineError as exc:
        log.warning("maintenance failed", why=exc.detail)
    except Exception:  # a fault in one kind of work must not end the others
        log.exception("maintenance failed")


async def _forget(store: Store, memory: timedelta) -> None:
    forgotten = FORGOTTEN
    while forgotten == FORGOTTEN:
        forgotten = await store.batches.forget(memory)
        await asyncio.sleep(0.1)  # so that transactions of the writer come in between
