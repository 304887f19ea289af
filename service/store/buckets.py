"""Reads the buckets of a chart."""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import groupby

import asyncpg
import msgspec

from service.errors import bad_parameter
from service.period.bucket import Bucket, BucketQuestion, CountedBucket, Numbers, Panel, Running, RunningBucket
from service.period.earlier import Earlier
from service.period.kept import check_kept
from service.period.selection import Selection, SeriesFilter
from service.period.steps import STEPS, Relation, relation_of
from service.store.facts import newest_fact, newest_of_series
from service.store.gone import remaining
from service.store.notes import notes_of
from service.store.pool import Pool
from service.store.reading_pool import reread
from service.store.series import names_of
from service.store.snapshot import Snapshot

_UNITS: dict[Relation, timedelta] = {
    "minute": timedelta(minutes=1),
    "quarter": timedelta(minutes=15),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
_LONG = STEPS["1M"]
"""From this step on a period is read in whole days; only the few days that lie in two steps are read in smaller
buckets."""


class _Part(msgspec.Struct, frozen=True):
    """What was read of a step, or of a part of one, of the series `name` or of so many `others`. `at` is when it
    begins, `newest` the beginning of its newest bucket with a fact, and the counts are of what an average is of."""

    name: str | None
    others: int | None
    at: datetime
    plan: float | None
    fact: float | None
    readings: int
    plan_count: int | None
    fact_count: int | None
    newest: datetime | None


class Buckets:
    """Reads buckets from the rollups, corrected by what the rollups don't have yet, so that they are always exact."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @reread
    async def read(self, question: BucketQuestion) -> Numbers:
        """The buckets and the notes of a period, of all the series together or of each of them. BadRequest: these are
        too many for the facts of an earlier time, or what they are made of isn't kept."""
        names, edges = await names_of(self._pool, question.series), _edges(question)
        async with self._pool.snapshot() as snapshot:
            parts, unit = await _parts(snapshot, question, names, edges, edges)
            newest = max((part.newest for part in parts if part.newest is not None), default=None)
            if newest is not None and unit != "minute":
                end = min(newest + _UNITS[unit], question.period.end)
                found = await newest_fact(snapshot, newest, end, names)
                newest = found or end - _UNITS["minute"]  # where the readings aren't kept any more
            if question.earlier is not None:
                parts = await _with_earlier(snapshot, question, question.earlier, names, parts)
            if question.running is None:
                panels = _panels(parts)
            else:
                panels = await _with_totals(snapshot, question, question.running, parts)
            if question.facts is not None:
                panels = _with_newest(panels, await newest_of_series(snapshot, *question.facts, names))
            notes = await notes_of(snapshot, question.period, names)
            since = (await remaining(snapshot, Selection(edges[0], edges[-1], SeriesFilter(names)))).since
        return Numbers(panels, newest and _end_of_minute(newest), notes, since)


async def _parts(
    snapshot: Snapshot,
    question: BucketQuestion,
    names: tuple[str, ...] | None,
    edges: tuple[datetime, ...],
    starts: Sequence[datetime],
) -> tuple[list[_Part], Relation]:
    """What was read between the edges, as of the steps that begin at `starts`, without those that are left out; and how
    long the buckets were of which it was made."""
    unit = _unit(question, edges)
    check_kept(edges, unit, snapshot.kept)
    together = names is None and question.panels is None and question.agg not in ("last", "increase")
    asked = (edges, edges[0], edges[-1], names, question.panels, snapshot.upto)
    quarters = snapshot.kept.quarters
    if together and unit in ("quarter", "hour") and (quarters is None or quarters <= edges[0]):
        unit = "quarter"
        rows = await snapshot.read("buckets_from_totals", edges, edges[0], edges[-1], snapshot.upto, agg=question.agg)
    elif unit != "day" and question.period.seconds >= _LONG and question.agg != "increase":
        rows = await snapshot.read("buckets", *asked, _days_of(edges), size=unit, with_days=True, agg=question.agg)
        unit = "day"
    else:
        rows = await snapshot.read("buckets", *asked, size=unit, agg=question.agg)
    parts = (_part(row, starts) for row in rows)
    return [part for part in parts if question.period.keeps(part.at)], unit


async def _with_earlier(
    snapshot: Snapshot,
    question: BucketQuestion,
    earlier: Earlier,
    names: tuple[str, ...] | None,
    parts: list[_Part],
) -> list[_Part]:
    """The same with the facts of an earlier time in the place of the plans."""
    if question.panels is not None:
        if any(part.name is None for part in parts):
            raise bad_parameter("plan", f"is for at most {question.panels} panels; choose series")
        names = tuple(dict.fromkeys(part.name for part in parts if part.name is not None))
    edges = _edges(question)
    before, _ = await _parts(snapshot, question, names, earlier.before(edges, question.period.zone), edges)
    plans = {(part.name, part.at): (part.fact, part.fact_count) for part in before}
    facts = {(part.name, part.at): part for part in parts}
    none = None, 0 if question.agg == "avg" else None
    made = []
    for key in facts.keys() | {key for key, (fact, _) in plans.items() if fact is not None}:
        plan, count = plans.get(key, none)
        part = facts.get(key) or _Part(key[0], None, key[1], None, None, 0, *none[1:], *none[1:], None)
        made.append(msgspec.structs.replace(part, plan=plan, plan_count=count))
    return sorted(made, key=lambda part: (part.name or "", part.at))


async def _with_totals(
    snapshot: Snapshot, question: BucketQuestion, running: Running, parts: list[_Part]
) -> tuple[Panel, ...]:
    """The panels with running totals, in which counts what comes before the period as well."""
    period = question.period
    keys = list(dict.fromkeys((part.name, part.others) for part in parts))
    before = period.steps_since(running.begins[0])
    steps = [*before[:1], *period.edges]
    rows = await snapshot.read(
        "running_totals",
        [keys.index((part.name, part.others)) for part in parts],
        [steps[bisect_right(steps, part.at) - 1] for part in parts],
        [part.at < running.due for part in parts],
        [part.plan for part in parts],
        [part.fact for part in parts],
        [part.readings for part in parts],
        running.begins,
        running.due,
    )
    made: list[list[Bucket]] = [[] for _ in keys]
    for number, *fields in rows:
        if question.opening or fields[0] >= period.start:
            made[number].append(RunningBucket(*fields))
    return tuple(Panel(*key, tuple(buckets)) for key, buckets in zip(keys, made, strict=True))


def _with_newest(panels: Iterable[Panel], newest: Mapping[str, datetime]) -> tuple[Panel, ...]:
    """The panels with the newest fact of their series; without a name, that of all series that have no panel."""
    several = tuple(panels)
    named = {panel.name for panel in several}
    rest = max((moment for name, moment in newest.items() if name not in named), default=None)
    return tuple(
        msgspec.structs.replace(panel, newest=rest if panel.name is None else newest.get(panel.name))
        for panel in several
    )


def _panels(parts: Iterable[_Part]) -> tuple[Panel, ...]:
    """One panel for each run of parts with the same name."""
    return tuple(
        Panel(*key, tuple(map(_bucket, some))) for key, some in groupby(parts, lambda part: (part.name, part.others))
    )


def _bucket(part: _Part) -> Bucket:
    numbers = part.at, part.plan, part.fact, part.readings
    if part.plan_count is None or part.fact_count is None:
        return Bucket(*numbers)
    return CountedBucket(*numbers, part.plan_count, part.fact_count)


def _part(row: asyncpg.Record, starts: Sequence[datetime]) -> _Part:
    number, name, others, *numbers = row
    return _Part(name, others, starts[number - 1], *numbers)


def _edges(question: BucketQuestion) -> tuple[datetime, ...]:
    """The edges of the steps. For running totals there are more: of what they count before the period, and where
    minutes cease to be due."""
    period, running = question.period, question.running
    if running is None:
        return period.edges
    more = {running.due} if period.start < running.due < period.end else set()
    return tuple(sorted({*period.edges, *more, *period.steps_since(running.begins[0])}))


def _unit(question: BucketQuestion, edges: tuple[datetime, ...]) -> Relation:
    if question.agg == "increase":
        return "minute"
    return question.period.relation if edges is question.period.edges else relation_of(edges)


def _end_of_minute(moment: datetime) -> datetime:
    return moment.replace(second=0, microsecond=0) + _UNITS["minute"]


def _days_of(edges: Sequence[datetime]) -> list[datetime]:
    """The days (UTC) within which one of the edges lies."""
    return sorted({edge.replace(hour=0, minute=0) for edge in edges if edge.hour or edge.minute})
