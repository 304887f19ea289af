"""How fresh a page is: when the newest fact came, and when the next one is overdue."""

import time
from datetime import datetime, timedelta

import msgspec

from service.period.selection import SeriesFilter
from service.store.facts import Facts

OVERDUE_GAPS = 3
"""The next fact is overdue when none came for so many times the usual gap between two facts."""
SHORTEST_GAP = timedelta(minutes=1)
"""The gap that is assumed where the usual one is shorter, or not known."""
GAP_KEPT = 600.0
"""Seconds for which the usual gap isn't asked for again."""


class Freshness(msgspec.Struct, frozen=True):
    """When the newest fact came, if there is one, and after how many seconds of working time without another the next
    one is overdue; None where nobody can tell. `asked` is when, by the monotonic clock, the usual gap was asked for."""

    newest: datetime | None
    patience: float | None
    asked: float


async def freshness(facts: Facts, until: datetime | None, series: SeriesFilter, before: Freshness | None) -> Freshness:
    """The freshness of some series, or of all.

    `until` is the end of the minute of the newest fact in the period that the page shows. Where that has no fact, the
    newest one is that which was known before, or has to be searched for.
    """
    newest = None
    if until is not None:
        newest = await facts.newest(until - timedelta(minutes=1), series)
    elif before is not None:
        newest = before.newest
    else:
        newest = await facts.newest_of_all(series)
    now = time.monotonic()
    if before is not None and before.newest is not None and now - before.asked < GAP_KEPT:
        return Freshness(newest, before.patience, before.asked)
    gap = None if newest is None else await facts.gap(newest, series)
    return Freshness(newest, (OVERDUE_GAPS * max(gap or SHORTEST_GAP, SHORTEST_GAP)).total_seconds(), now)
