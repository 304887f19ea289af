"""The values of each step of a chart in words: the live page shows them for the step under the pointer."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec

from service.charts.drawing.picture import Picture
from service.languages.directions import isolated
from service.languages.language import Language, language_named
from service.period.bucket import Bucket, Note
from service.period.comparison import difference

MOST_NOTES = 5
"""The most notes that are said of a step."""


class StepText(msgspec.Struct, frozen=True):
    """The texts of the step from `start` up to `end`, in milliseconds since 1970. A dash stands for a number that isn't
    known."""

    start: float
    end: float
    when: str
    plan: str
    fact: str
    difference: str
    short: bool
    """Whether the fact is below the plan."""
    notes: tuple[str, ...] = ()
    """At most MOST_NOTES, each with its time and series."""


def step_texts(picture: Picture) -> dict[float, StepText]:
    """The texts of the steps that have readings, by the beginning of each; for a picture of a single panel."""
    edges, zone, language = picture.period.edges, ZoneInfo(picture.period.zone), language_named(picture.language)
    ends = dict(pairwise(edges))
    buckets = picture.panels[0].buckets if picture.panels else ()
    notes: dict[datetime, list[Note]] = defaultdict(list)
    for note in picture.numbers.notes:
        notes[edges[bisect_right(edges, note.ts) - 1]].append(note)
    made = (
        _step(bucket, ends[bucket.bucket], zone, picture.unfinished, notes[bucket.bucket], language)
        for bucket in buckets
    )
    return {step.start: step for step in made}


def _step(
    bucket: Bucket,
    end: datetime,
    zone: ZoneInfo,
    unfinished: datetime | None,
    notes: Sequence[Note],
    language: Language,
) -> StepText:
    number, when = language.numbers.number, _when(bucket.bucket, end, zone, language)
    is_over = unfinished is None or bucket.bucket < unfinished
    # a plan that is due and has no fact is missed in full
    fact = 0.0 if bucket.fact is None and is_over else bucket.fact
    gap = None if bucket.plan is None or fact is None else difference(fact, bucket.plan)
    return StepText(
        1000 * bucket.bucket.timestamp(),
        1000 * end.timestamp(),
        when if is_over else language.gettext("%(when)s, not over yet", when=when),
        "–" if bucket.plan is None else number(bucket.plan),
        "–" if bucket.fact is None else number(bucket.fact),
        "–" if gap is None else number(gap, sign=True),
        gap is not None and gap < 0,
        tuple(_noted(notes, zone, language)),
    )


def _noted(notes: Sequence[Note], zone: ZoneInfo, language: Language) -> Iterator[str]:
    for note in notes[:MOST_NOTES]:
        yield f"{language.times.clock(note.ts, zone)} {isolated(note.series)}: {isolated(note.note)}"
    if len(notes) > MOST_NOTES:
        yield language.gettext("and %(number)s more", number=len(notes) - MOST_NOTES)


def _when(start: datetime, end: datetime, zone: ZoneInfo, language: Language) -> str:
    times = language.times
    day, first = times.short_day(start, zone), times.clock(start, zone)
    if end - start == timedelta(minutes=1):
        return f"{day}, {first}"
    return language.gettext("%(day)s, %(start)s to %(end)s", day=day, start=first, end=times.clock(end, zone))
