"""The numbers of one site, as `GET /buckets` answers them; how that is asked; and how those of several are added up."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from math import fsum
from typing import Annotated

import msgspec

from service.errors import bad_parameter
from service.federation.sites import named
from service.period.bucket import Bucket, BucketQuestion, Note, Numbers, Panel, Running, RunningBucket
from service.period.kept import ALL_KEPT, Kept
from service.period.steps import Instant, Period

MOST_NOTES = 500
"""The most notes of all sites together, as many as there are of one."""


Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""How many; more than there can be isn't."""


class SiteBucket(Bucket, frozen=True, gc=False):
    """A step of a site: what of it can be added up with those of others."""

    bucket: Instant
    readings: Count
    plan_count: Count | None = None
    fact_count: Count | None = None
    due_plan: float | None = None
    due_fact: float | None = None


class SitePanel(msgspec.Struct, frozen=True):
    """The steps of a series or, without a name, of all together, or of so many `others`; and the end of the minute of
    its newest fact, where it was asked for."""

    name: str | None
    others: Count | None
    buckets: tuple[SiteBucket, ...]
    newest: Instant | None = None

    @property
    def readings(self) -> int:
        return sum(bucket.readings for bucket in self.buckets)


class SiteNumbers(msgspec.Struct, frozen=True):
    """What a site answers, as `Numbers`; from when on it keeps what; and by what its installation is known from all
    others, where its version and its database tell that."""

    panels: tuple[SitePanel, ...]
    until: Instant | None
    notes: tuple[Note, ...]
    since: Instant | None
    kept: Kept = ALL_KEPT
    installation: str | None = None

    def fit(self, period: Period) -> bool:
        """Whether the steps are those of this period, or before it, as running totals need them."""
        edges = set(period.edges[:-1])
        return all(one.bucket in edges or one.bucket < period.start for panel in self.panels for one in panel.buckets)


def asked(question: BucketQuestion, series: tuple[str, ...] | None) -> list[tuple[str, str]]:
    """The parameters by which a site is asked a question about its series of these names, or about all."""
    period, running = question.period, question.running
    made = [
        ("from", _text(period.start)),
        ("until", _text(period.end)),
        ("step", period.step),
        ("tz", period.zone),
        ("agg", question.agg),
        *(("series", name) for name in series or ()),
    ]
    optional = {
        "hours": period.open.hours_text if period.open else None,
        "days": period.open.days_text if period.open else None,
        "panels": None if question.panels is None else str(question.panels),
        "plan": str(question.earlier) if question.earlier else None,
        "totals": ",".join(map(_text, running.begins)) if running else None,
        "due": _text(running.due) if running else None,
        "facts": ",".join(map(_text, question.facts)) if question.facts else None,
    }
    if running is not None and running.each != "shift":  # days may be many more than an address has room for
        optional["totals"] = running.each or "period"
    return [*made, *((name, value) for name, value in optional.items() if value is not None)]


def added_up(question: BucketQuestion, sites: Mapping[str, SiteNumbers]) -> Numbers:
    """The numbers of all these sites together, whose series are named after them; the order of the sites makes no
    difference. BadRequest where there are too many series for the facts of an earlier time."""
    panels = [
        msgspec.structs.replace(panel, name=None if panel.name is None else named(site, panel.name))
        for site, numbers in sites.items()
        for panel in numbers.panels
    ]
    groups = [(None, None, panels)] if question.panels is None else list(_ranked(panels, question.panels))
    if question.earlier is not None and any(others for _, others, _ in groups):
        raise bad_parameter("plan", f"is for at most {question.panels} panels; choose series")
    made = (Panel(name, others, tuple(_buckets(question, some)), _newest(some)) for name, others, some in groups)
    notes = sorted(
        (
            Note(note.ts, named(site, note.series), note.note)
            for site, numbers in sites.items()
            for note in numbers.notes
        ),
        key=lambda note: (note.ts, note.series),
    )
    return Numbers(
        tuple(panel for panel in made if panel.buckets),
        max((numbers.until for numbers in sites.values() if numbers.until is not None), default=None),
        tuple(notes[:MOST_NOTES]),
        max((numbers.since for numbers in sites.values() if numbers.since is not None), default=None),
    )


_Group = tuple[str | None, int | None, list[SitePanel]]


def _ranked(panels: Iterable[SitePanel], most: int) -> Iterator[_Group]:
    """Each series by itself, at most so many; those with the fewest readings are put together. As each site has told
    apart as many as this, those that it has put together are among them here, too."""
    several = list(panels)
    alone = sorted((one for one in several if one.name is not None), key=lambda one: (-one.readings, one.name))
    count = len(alone) + sum(one.others or 0 for one in several)
    shown = alone if count <= most else alone[: most - 1]
    for panel in sorted(shown, key=lambda one: one.name or ""):
        yield panel.name, None, [panel]
    if count > most:
        names = {panel.name for panel in shown}
        yield None, count - most + 1, [one for one in several if one.name is None or one.name not in names]


def _newest(panels: Iterable[SitePanel]) -> datetime | None:
    return max((panel.newest for panel in panels if panel.newest is not None), default=None)


def _buckets(question: BucketQuestion, panels: Iterable[SitePanel]) -> Iterator[Bucket]:
    """The steps of all panels as those of one, in order."""
    steps: defaultdict[datetime, list[SiteBucket]] = defaultdict(list)
    for panel in panels:
        for bucket in panel.buckets:
            steps[bucket.bucket].append(bucket)
    ordered = (steps[at] for at in sorted(steps))
    ran = question.running is not None
    together = (some[0] if len(some) == 1 else _together(question.agg, some, ran=ran) for some in ordered)
    return together if question.running is None else _running(together, question, question.running)


def _together(agg: str, some: list[SiteBucket], *, ran: bool) -> SiteBucket:
    """The same step of several sites, with what is due of it where there are running totals. "last" is a sum already at
    each site: of the last values of its series."""
    at, readings = some[0].bucket, sum([one.readings for one in some])
    if agg == "avg":
        plans, plan = _average([(one.plan, one.plan_count) for one in some])
        facts, fact = _average([(one.fact, one.fact_count) for one in some])
        return SiteBucket(at, plan, fact, readings, plans, facts)
    combine: Callable[[list[float]], float] = {"min": min, "max": max}.get(agg, fsum)
    plan, fact = _of(combine, [one.plan for one in some]), _of(combine, [one.fact for one in some])
    if not ran:
        return SiteBucket(at, plan, fact, readings)
    due_plan, due_fact = _of(fsum, [one.due_plan for one in some]), _of(fsum, [one.due_fact for one in some])
    return SiteBucket(at, plan, fact, readings, due_plan=due_plan, due_fact=due_fact)


def _of(combine: Callable[[list[float]], float], values: list[float | None]) -> float | None:
    found = [value for value in values if value is not None]
    return combine(found) if found else None


def _average(values: Iterable[tuple[float | None, int | None]]) -> tuple[int, float | None]:
    """Of how many values it is, and the average of averages by the number of theirs."""
    found = [(value, count) for value, count in values if value is not None and count]
    total = sum(count for _, count in found)
    if len(found) == 1:
        return total, found[0][0]
    return total, fsum(value * count for value, count in found) / total if total else None


def _running(steps: Iterable[SiteBucket], question: BucketQuestion, running: Running) -> Iterator[Bucket]:
    """The steps with their totals, as sql/queries/running_totals.sql has them."""
    window, plans, facts, due_plans, due_facts = -1, 0.0, 0.0, 0.0, 0.0
    for step in steps:
        if (begun := bisect_right(running.begins, step.bucket)) != window:
            window, plans, facts, due_plans, due_facts = begun, 0.0, 0.0, 0.0, 0.0
        plans, facts = plans + (step.plan or 0), facts + (step.fact or 0)
        due_plans, due_facts = due_plans + (step.due_plan or 0), due_facts + (step.due_fact or 0)
        if step.bucket < question.period.start and not question.opening:
            continue
        is_due = step.bucket < running.due
        yield RunningBucket(
            step.bucket,
            step.plan,
            step.fact,
            step.readings,
            step.due_plan,
            step.due_fact,
            plans,
            facts if is_due else None,
            due_plans,
            due_facts - due_plans if is_due else None,
        )


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
