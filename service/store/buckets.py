"""Reads the buckets of a chart."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby

import asyncpg
import msgspec

from service.period.bucket import Bucket, BucketQuestion, Numbers, Panel, Running, RunningBucket
from service.period.steps import STEPS, Relation, relation_of
from service.store.pool import Pool, Snapshot
from service.store.series import names_of

_UNITS: dict[Relation, timedelta] = {
    "minute": timedelta(minutes=1),
    "quarter": timedelta(minutes=15),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
_LONG = STEPS["1M"]
"""From this step on a period is read in whole days; only the few days that lie in two steps are read in smaller
buckets."""


class _Read(msgspec.Struct, frozen=True):
    """Rows of buckets, which begin at some of the edges, and how long the buckets were of which they were made."""

    rows: list[asyncpg.Record]
    edges: tuple[datetime, ...]
    unit: Relation


class Buckets:
    """Reads buckets from the rollups, corrected by what the rollups don't have yet, so that they are always exact."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def read(self, question: BucketQuestion) -> Numbers:
        """The buckets of a period, of all the series together or of each of them."""
        names = await names_of(self._pool, question.series)
        async with self._pool.snapshot() as snapshot:
            found = await self._rows(snapshot, question, names)
            newest = _newest(found.rows)
            if newest is not None and found.unit != "minute":
                end = min(newest + _UNITS[found.unit], question.period.end)
                [[newest]] = await snapshot.read("newest_fact", newest, end, names)
            panels = await self._panels(snapshot, question, found)
        return Numbers(tuple(panels), newest and _end_of_minute(newest))

    async def _rows(self, snapshot: Snapshot, question: BucketQuestion, names: tuple[str, ...] | None) -> _Read:
        period, agg = question.period, question.agg
        together = names is None and question.panels is None and agg != "last"
        edges = _edges(question)
        unit = period.relation if edges == period.edges else relation_of(edges)
        if together and unit in ("quarter", "hour"):
            asked = (edges, edges[0], edges[-1], snapshot.upto)
            rows = await snapshot.read("buckets_from_totals", *asked, together=True, agg=agg)
            return _Read(rows, edges, "quarter")
        asked_of = (edges, edges[0], edges[-1], names, question.panels, snapshot.upto)
        if unit != "day" and period.seconds >= _LONG:
            rows = await snapshot.read(
                "buckets", *asked_of, _days_of(edges), size=unit, with_days=True, together=together, agg=agg
            )
            return _Read(rows, edges, "day")
        return _Read(await snapshot.read("buckets", *asked_of, size=unit, together=together, agg=agg), edges, unit)

    async def _panels(self, snapshot: Snapshot, question: BucketQuestion, found: _Read) -> Iterator[Panel]:
        """One panel for each run of rows with the same name."""
        runs = [(key, list(some)) for key, some in groupby(found.rows, lambda row: (row["name"], row["others"]))]
        made: Sequence[Sequence[Bucket]]
        if question.running is None:
            made = [[_bucket(row, found.edges) for row in some] for _, some in runs]
        else:
            made = await _with_totals(snapshot, question, question.running, found, [some for _, some in runs])
        return (Panel(*key, tuple(buckets)) for (key, _), buckets in zip(runs, made, strict=True))


async def _with_totals(
    snapshot: Snapshot, question: BucketQuestion, running: Running, found: _Read, panels: list[list[asyncpg.Record]]
) -> list[list[RunningBucket]]:
    """The buckets of each panel, with running totals. What comes before the period counts in them."""
    parts = [(number, found.edges[row["number"] - 1], row) for number, rows in enumerate(panels) for row in rows]
    steps = [edge for edge in found.edges if edge < question.period.start or edge in set(question.period.edges)]
    rows = await snapshot.read(
        "running_totals",
        [number for number, _, _ in parts],
        [steps[bisect_right(steps, edge) - 1] for _, edge, _ in parts],
        [edge < running.due for _, edge, _ in parts],
        [row["plan"] for _, _, row in parts],
        [row["fact"] for _, _, row in parts],
        [row["readings"] for _, _, row in parts],
        running.begins,
        running.due,
    )
    made: list[list[RunningBucket]] = [[] for _ in panels]
    for number, *fields in rows:
        if fields[0] >= question.period.start:
            made[number].append(RunningBucket(*fields))
    return made


def _edges(question: BucketQuestion) -> tuple[datetime, ...]:
    """The edges of the steps. For running totals there are two more: where they begin before the period, and where
    minutes cease to be due."""
    period, running = question.period, question.running
    if running is None:
        return period.edges
    more = {running.due} if period.start < running.due < period.end else set()
    return tuple(sorted({*period.edges, *more, min(period.start, running.begins[0])}))


def _newest(rows: Sequence[asyncpg.Record]) -> datetime | None:
    """The beginning of the newest bucket that has a fact."""
    return max((row["newest"] for row in rows if row["newest"] is not None), default=None)


def _end_of_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0) + _UNITS["minute"]


def _days_of(edges: Sequence[datetime]) -> list[datetime]:
    """The days (UTC) within which one of the edges lies."""
    return sorted({edge.replace(hour=0, minute=0) for edge in edges if edge.hour or edge.minute})


def _bucket(row: asyncpg.Record, edges: Sequence[datetime]) -> Bucket:
    return Bucket(edges[row["number"] - 1], row["plan"], row["fact"], row["readings"])
