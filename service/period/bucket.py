"""The numbers of a chart: what is asked for, and buckets of plan and fact over a period,
and what people noted. Values only."""

from datetime import datetime
from typing import Literal

import msgspec

from service.period.earlier import Earlier
from service.period.selection import ALL_SERIES, SeriesFilter
from service.period.steps import Instant, Period


class Running(msgspec.Struct, frozen=True):
    """Running totals that begin anew at each of `begins`, those of each day or shift; the first may lie before the
    period. Minutes are due that begin before `due`."""

    begins: tuple[datetime, ...]
    due: datetime
    each: Literal["day", "shift"] | None = None


class BucketQuestion(msgspec.Struct, frozen=True):
    """Which buckets are asked for: over all the series together or, where `panels` is a number, over each of them in at
    most so many panels. There may be running totals, and the facts of an `earlier` time in the place of the plans. With
    `opening`, what running totals count before the period is a bucket of its own, so that they can be added up with
    those of other sites. With `facts`, the newest fact of each panel is looked for in that time, of whole minutes."""

    period: Period
    agg: str = "sum"
    series: SeriesFilter = ALL_SERIES
    panels: int | None = None
    running: Running | None = None
    earlier: Earlier | None = None
    opening: bool = False
    facts: tuple[datetime, datetime] | None = None


class Bucket(msgspec.Struct, frozen=True, gc=False):
    """The aggregated readings of the step that begins at `bucket`; `plan` and `fact` are None where no reading of the
    step has one."""

    bucket: datetime
    plan: float | None
    fact: float | None
    readings: int


class CountedBucket(Bucket, frozen=True, gc=False):
    """A bucket of averages, with how many plans and facts they are of."""

    plan_count: int
    fact_count: int


class RunningBucket(Bucket, frozen=True, gc=False):
    """A bucket with plan and fact of its minutes that are due, and with the totals up to its end.

    `due_fact` is 0 where there is a plan that is due and no fact, and None only where there is neither. `due_total` is
    all plan that is due so far. `fact_total` and `ahead`, the fact less the plan of what is due so far, are None from
    the first step on of which no minute is due.
    """

    due_plan: float | None
    due_fact: float | None
    plan_total: float
    fact_total: float | None
    due_total: float
    ahead: float | None


class Panel(msgspec.Struct, frozen=True):
    """The buckets that have readings, in order: of the series `name`, or without a name those of all the series
    together, or of so many `others`. `newest` is the end of the minute of its newest fact, where it was asked for."""

    name: str | None
    others: int | None
    buckets: tuple[Bucket, ...]
    newest: datetime | None = None


class Note(msgspec.Struct, frozen=True):
    """A reading without numbers that says something in words: when, of which series, and what."""

    ts: Instant
    series: str
    note: str


class Numbers(msgspec.Struct, frozen=True):
    """All the numbers that a chart shows, in one panel or several. `until` is the end of the minute of the newest
    fact. The notes of the period are in order. `since` is from when on readings are kept, where there were others
    before.

    Of several sites, `away` names those of which nothing is known at the moment, and `unnamed` the names among those
    asked for that are no series with a panel: those of such sites, and those that stand for a whole site."""

    panels: tuple[Panel, ...]
    until: datetime | None
    notes: tuple[Note, ...] = ()
    since: datetime | None = None
    away: tuple[str, ...] = ()
    unnamed: tuple[str, ...] = ()
