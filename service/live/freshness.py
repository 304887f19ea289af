"""How fresh a page is: when the newest fact came, and after how long without another one something is amiss."""

import time
from datetime import datetime, timedelta

import msgspec

from service.store.facts import Facts, Names

TIMES = 3
"""Facts are overdue when none came for so many times as long as they usually are apart."""
LEAST = timedelta(minutes=1)
"""What they are taken to be apart at least, and where nobody knows."""
JUDGED_FOR = 600.0
"""Seconds for which that judgement stands."""


class Freshness(msgspec.Struct, frozen=True):
    """When the newest fact came, if any did, and after how many seconds without one the next is overdue."""

    newest: datetime | None
    patience: float
    judged: float
    """When, by the monotonic clock."""


async def freshness(facts: Facts, until: datetime | None, series: Names, before: Freshness | None) -> Freshness:
    """That of some series or of all. `until`: the end of the minute in which the newest fact of the period shown came;
    where there is none, it is the one that was known before, or has to be looked for."""
    newest = None
    if until is not None:
        newest = await facts.newest(until - timedelta(minutes=1), series)
    elif before is not None:
        newest = before.newest
    else:
        newest = await facts.newest_of_all(series)
    now = time.monotonic()
    if before is not None and before.newest is not None and now - before.judged < JUDGED_FOR:
        return Freshness(newest, before.patience, before.judged)
    gap = None if newest is None else await facts.gap(newest, series)
    return Freshness(newest, (TIMES * max(gap or LEAST, LEAST)).total_seconds(), now)
