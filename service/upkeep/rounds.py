"""The periodic maintenance: deletes old batch ids, notes which keys were used, refreshes rollups after late readings,
adds names of series that are lacking, checks that the schema is whole, and watches the engine's background jobs."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial

import structlog

from service.alerts.alarms import COUNT_EVERY, JUDGE_EVERY, SEND_EVERY, Alarms
from service.errors import TaktlineError
from service.period.lifetimes import Lifetimes
from service.store import FORGOTTEN, Store
from service.store.leadership import Leadership
from service.upkeep.job_watch import JobWatch

FORGET_EVERY = 600.0
"""Seconds between two rounds of deleting old batch ids."""
JOBS_EVERY = 60.0
"""Seconds between two checks of the engine's background jobs."""
SERIES_EVERY = 60.0
"""Seconds between two looks for series whose names replicas of an earlier version have left out of their table."""
USED_EVERY = 60.0
"""Seconds between two notes of which keys were used: one a request would cost more than the request."""
CLOSE_EVERY = 5.0
"""Seconds between two looks whether another minute can be materialised."""
SLICE_EVERY, SLICE_AGAIN, VACUUM_EVERY = 2.0, 0.2, 300.0
"""Seconds between two looks whether so many readings come that slices are due, between two slices while they do, at
least, and between two times that their table is vacuumed."""
SLICE_REST = 2
"""How many times as long as a slice took the next one is waited for, where late readings make them slow."""
LATE_EVERY = 10.0
"""Seconds between two searches for late readings."""
KNOW_EVERY, DROP_EVERY = 5.0, 600.0
"""Seconds between two looks from when on readings are kept, and between two times that those before are dropped."""

CHECK_EVERY = 15.0
"""Seconds between two checks that nothing of the schema is missing."""

log = structlog.stdlib.get_logger("maintenance")
Work = Callable[[], Awaitable[object]]


async def maintain(
    store: Store,
    watch: JobWatch,
    leadership: Leadership,
    batch_memory: timedelta,
    lifetimes: Lifetimes,
    note_used: Work,
    succeeded: Callable[[str], None],
    alarms: Alarms | None = None,
) -> None:
    """Run until cancelled. A round that fails is logged, and the next one comes at its usual time. `note_used` writes
    down which keys this replica has seen. What is older than `lifetimes` say is dropped. `succeeded` is told the
    name of each round of the leader's that has done what it had to. `alarms` are the alerts, where there is somebody to
    be told of them.

    Of several replicas, the leader does everything else that changes anything. Nobody does while something of the
    schema is missing, in whose place another installation's might be changed.
    """

    def whole(work: Work) -> Work:
        return lambda: work() if store.inventory.lacking is None else _nothing()

    def led(name: str, work: Work, otherwise: Work = _nothing) -> Work:
        async def do() -> None:
            await work()
            succeeded(name)

        return whole(lambda: do() if leadership.leads else otherwise())

    async with asyncio.TaskGroup() as group:
        group.create_task(leadership.keep())
        group.create_task(every(SERIES_EVERY, led("series", store.series.note_missed)))
        group.create_task(every(USED_EVERY, whole(note_used)))
        group.create_task(every(CHECK_EVERY, partial(_check, store)))
        group.create_task(every(FORGET_EVERY, led("forget", partial(_forget, store, batch_memory))))
        if alarms is not None:
            group.create_task(every(JUDGE_EVERY, led("alerts", alarms.judge)))
            group.create_task(every(SEND_EVERY, led("messages", alarms.send)))
            group.create_task(every(COUNT_EVERY, whole(alarms.count)))
        if store.server.edition == "community":
            group.create_task(every(KNOW_EVERY, whole(store.retention.look)))
            group.create_task(every(DROP_EVERY, led("retention", partial(store.retention.keep_to, lifetimes))))
            group.create_task(every(SLICE_EVERY, led("slices", partial(_slice, store, partial(succeeded, "slices")))))
            group.create_task(every(VACUUM_EVERY, led("vacuum", store.slices.vacuum)))
            group.create_task(every(CLOSE_EVERY, led("minutes", store.rollups.keep_close)))
            group.create_task(every(LATE_EVERY, led("refresh", store.rollups.refresh_late)))
            await _try(watch.look)
            group.create_task(every(JOBS_EVERY, led("jobs", watch.round, watch.look)))


async def _nothing() -> None:
    """Leave a round out."""


async def _check(store: Store) -> None:
    before = store.inventory.lacking
    await store.inventory.look()
    now = store.inventory.lacking
    if now != before:
        log.error("the schema isn't whole", why=now) if now else log.info("the schema is whole again")


async def every(seconds: float, work: Work) -> None:
    """Do the work again and again, so many seconds after it was last done, whatever goes wrong with it."""
    while True:
        await asyncio.sleep(seconds)
        await _try(work)


async def _try(work: Work) -> None:
    try:
        await work()
    except TaktlineError as exc:
        log.warning("maintenance failed", why=exc.detail)
    except Exception:  # a fault in one kind of work must not end the others
        log.exception("maintenance failed")


async def _slice(store: Store, succeeded: Callable[[], None]) -> None:
    many = True
    while many:  # for hours, perhaps
        many = await store.slices.renew()
        succeeded()
        await asyncio.sleep(max(SLICE_AGAIN, SLICE_REST * store.slices.took))


async def _forget(store: Store, memory: timedelta) -> None:
    forgotten = FORGOTTEN
    while forgotten == FORGOTTEN:
        forgotten = await store.batches.forget(memory)
        await asyncio.sleep(0.1)  # so that transactions of the writer come in between
