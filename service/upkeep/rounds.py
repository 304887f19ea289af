"""The periodic maintenance: deletes old batch ids, notes which keys were used, refreshes rollups after late readings,
adds names of series that are lacking, checks that the schema is whole, watches the engine's background jobs, and ends
sessions of services that stand still."""

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

FROZEN_EVERY = 3.0
"""Seconds between two looks for sessions of services that stand still. Every replica looks, since the leader may be the
one that does."""
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

    def do(seconds: float, name: str, work: Work) -> None:
        group.create_task(every(seconds, name, work))

    async with asyncio.TaskGroup() as group:
        group.create_task(leadership.keep())
        do(SERIES_EVERY, "series", led("series", store.series.note_missed))
        do(USED_EVERY, "keys", whole(note_used))
        do(CHECK_EVERY, "schema", partial(_check, store))
        do(FROZEN_EVERY, "frozen", whole(store.blockers.end_frozen))
        do(FORGET_EVERY, "forget", led("forget", partial(_forget, store, batch_memory)))
        if alarms is not None:
            do(JUDGE_EVERY, "alerts", led("alerts", alarms.judge))
            do(SEND_EVERY, "messages", led("messages", alarms.send))
            do(COUNT_EVERY, "firing", whole(alarms.count))
        if store.server.edition == "community":
            do(KNOW_EVERY, "kept", whole(store.retention.look))
            do(DROP_EVERY, "retention", led("retention", partial(store.retention.keep_to, lifetimes)))
            do(SLICE_EVERY, "slices", led("slices", partial(_slice, store, partial(succeeded, "slices"))))
            do(VACUUM_EVERY, "vacuum", led("vacuum", store.slices.vacuum))
            do(CLOSE_EVERY, "minutes", led("minutes", store.rollups.keep_close))
            do(LATE_EVERY, "refresh", led("refresh", store.rollups.refresh_late))
            await _try("jobs", watch.look)
            do(JOBS_EVERY, "jobs", led("jobs", watch.round, watch.look))


async def _nothing() -> None:
    """Leave a round out."""


async def _check(store: Store) -> None:
    before = store.inventory.lacking
    await store.inventory.look()
    now = store.inventory.lacking
    if now != before:
        log.error("the schema isn't whole", why=now) if now else log.info("the schema is whole again")


async def every(seconds: float, name: str, work: Work) -> None:
    """Do the work again and again, so many seconds after it was last done, whatever goes wrong with it; the log calls
    it by its name."""
    while True:
        await asyncio.sleep(seconds)
        await _try(name, work)


async def _try(name: str, work: Work) -> None:
    try:
        await work()
    except TaktlineError as exc:
        log.warning("maintenance failed", round=name, why=exc.detail)
    except Exception:  # a fault in one kind of work must not end the others
        log.exception("maintenance failed", round=name)


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
