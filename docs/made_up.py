"""Made-up numbers for the gallery, the same each time, and the charts that the service would make of them."""

import math
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from service.charts.drawing.picture import Picture, default_height
from service.charts.drawing.picture import panels as asked_panels
from service.charts.legible import legible_period
from service.period.bucket import Bucket, Note, Numbers, Panel, Running, RunningBucket
from service.period.comparison import Threshold
from service.period.open_hours import OpenHours
from service.period.running import Cumulative, running_totals
from service.period.shifts import Shift
from service.period.steps import Period

NOW = datetime(2026, 11, 22, 11, 47, 30, tzinfo=UTC)
BERLIN = "Europe/Berlin"
WORK = OpenHours((360, 1320), (0, 1, 2, 3, 4))
LINES = ["Assembly 1", "Assembly 2", "Paint shop", "Packing", "Shipping"]


def bucket(at: datetime, seconds: int, number: int, level: float, chance: random.Random) -> Bucket | None:
    """A plan that follows the shifts, and a fact that mostly keeps up; nothing during a break."""
    if seconds <= 900 and at.minute in range(20, 26):
        return None
    share = seconds / 60
    plan = round(level * share * (1 + 0.15 * math.sin(number / 11)))
    fact = plan * chance.triangular(0.92, 1.08, 1.02) * (0.8 if number % 29 in (11, 12, 13) else 1)
    return Bucket(at, plan, round(fact) if at <= NOW else None, max(1, seconds // 10))


def panel(
    period: Period, name: str | None = None, level: float = 40, seed: int = 1, others: int | None = None
) -> Panel:
    chance = random.Random(seed)  # noqa: S311
    made = [bucket(at, period.seconds, number, level, chance) for number, (at, _) in enumerate(period.kept)]
    return Panel(name, others, tuple(one for one in made if one is not None))


def picture(
    start: str | None = None, end: str | None = None, step: str | None = None, zone: str = BERLIN, **look: Any
) -> Picture:
    """A chart as the service would make it at NOW."""
    panels: list[Panel] | None = look.pop("panels", None)
    width = look.get("width", 960)
    period = legible_period(start, end, step, zone, NOW, width, hours=look.pop("hours", None))
    if look.get("split"):
        panels = [panel(period, name, 25 * (1 + number), number) for number, name in enumerate(look.pop("names"))]
        if others := look.pop("others", None):
            panels.append(panel(period, None, 400, 99, others))
    shown = tuple(panels if panels is not None else [panel(period)])
    look = {
        "threshold": Threshold(),
        "title": "Plan and fact",
        "time_format": "%Y-%m-%d %H:%M",
        "unfinished": period.unfinished(NOW),
        "now": period.line_at(NOW),
        **look,
    }
    numbers = Numbers(shown, None, look.pop("noted", ()))
    height = default_height(width, len(asked_panels(numbers, look.get("series")) or [1]))
    return Picture(numbers, period, **{"height": height, **look})


def monthly(step: str | None) -> Picture:
    """A reading in the middle of each month of two years."""
    period = legible_period("2006-01-01", "2008-01-01", step, BERLIN, NOW, 960)
    days = [datetime(2006 + month // 12, month % 12 + 1, 15, tzinfo=UTC) for month in range(24)]
    starts = [max(edge for edge in period.edges if edge <= day) for day in days]
    buckets = tuple(Bucket(at, 14_000, 7_700 + 250 * number, 1) for number, at in enumerate(starts))
    return picture("2006-01-01", "2008-01-01", step, panels=[Panel(None, None, buckets)])


def stopped(period: Period) -> Panel:
    """A line that stands still twice: once nothing is counted, once nothing is sent."""
    chance = random.Random(3)  # noqa: S311
    facts: list[float | None] = [chance.choice([38, 41, 40, 33, 39]) for _ in period.edges[:-1]]
    for number in range(len(facts)):
        if number % 60 in range(8, 14):
            facts[number] = None
        elif number % 60 in range(30, 34):
            facts[number] = 0
        elif number % 60 == 34:
            facts[number] = 0.2
    return Panel(None, None, tuple(Bucket(at, 40, fact, 6) for at, fact in zip(period.edges, facts, strict=False)))


def ahead() -> Picture:
    """The last half an hour, and the next."""
    period = legible_period("-30min", "+30min", None, BERLIN, NOW, 960)
    now = period.unfinished(NOW)
    facts = panel(period).buckets
    buckets = tuple(Bucket(one.bucket, one.plan, one.fact if one.bucket <= (now or NOW) else None, 6) for one in facts)
    return picture("-30min", "+30min", panels=[Panel(None, None, buckets)], threshold=Threshold(5))


def shift() -> tuple[Period, list[Panel]]:
    """An early shift of which two hours are to come: plans for all of it, and facts until now."""
    period = legible_period("2026-11-22T06:00", "2026-11-22T14:30", "15m", BERLIN, NOW, 960)
    now = period.unfinished(NOW) or NOW
    buckets = (
        Bucket(one.bucket, one.plan, one.fact if one.bucket <= now else None, 90) for one in panel(period).buckets
    )
    return period, [Panel(None, None, tuple(buckets))]


def with_totals(period: Period, kind: Cumulative, some: Sequence[Bucket]) -> tuple[Running, list[Panel]]:
    """The buckets with their running totals, as the database makes them."""
    running = running_totals(kind, period, NOW)
    made: list[Bucket] = []
    sums = [0.0, 0.0, 0.0]
    for one in some:
        if not made or any(made[-1].bucket < begin <= one.bucket for begin in running.begins):
            sums = [0.0, 0.0, 0.0]
        end = period.edges[period.edges.index(one.bucket) + 1]
        share = max(0.0, min(1.0, (running.due - one.bucket) / (end - one.bucket)))
        due_plan = (one.plan or 0) * share if share else None
        due_fact = round((one.fact or 0) * share) if share else None
        for place, value in enumerate((one.plan, due_fact, due_plan)):
            sums[place] += value or 0
        plan, fact, due = sums
        ahead = (fact if share else None, due, round(fact - due) if share else None)
        made.append(RunningBucket(one.bucket, one.plan, due_fact, one.readings, due_plan, due_fact, plan, *ahead))
    return running, [Panel(None, None, tuple(made))]


def running_shift(**look: Any) -> Picture:
    """The totals of a shift that isn't over yet."""
    period, [panel] = shift()
    running, panels = with_totals(period, "period", panel.buckets)
    early = Shift("early", NOW.date(), period.start, period.end)
    title = "Plan and fact, early shift of 2026-11-22"
    return picture(
        "2026-11-22T06:00", "2026-11-22T14:30", "15m", panels=panels, running=running, shift=early, title=title, **look
    )


def running_days() -> Picture:
    """The totals of each of three days."""
    period = legible_period("2026-11-20", "2026-11-22T12:48", "1h", BERLIN, NOW, 960)
    running, panels = with_totals(period, "day", panel(period).buckets)
    return picture("2026-11-20", "2026-11-22T12:48", "1h", panels=panels, running=running)


def noted(**look: Any) -> Picture:
    """The last hour with what people noted in it."""
    start = legible_period(None, None, None, BERLIN, NOW, look.get("width", 960)).start
    said = ((12, "Assembly 1", "no material"), (13, "Assembly 1", "still none"), (41, "Packing", "film torn"))
    notes = tuple(Note(start + timedelta(minutes=minute), series, text) for minute, series, text in said)
    return picture(noted=notes, notes=True, threshold=Threshold(5), **look)
