"""What each step of a chart comes to, in words: what a page shows for the one that somebody points at."""

from datetime import datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import msgspec

from service.charts.drawing.picture import Picture
from service.period.bucket import Bucket
from service.web.pages import difference, number


class Step(msgspec.Struct, frozen=True):
    """From `start` up to `end`, in milliseconds since 1970. A number that isn't known is a dash."""

    start: float
    end: float
    when: str
    plan: str
    fact: str
    difference: str
    short: bool
    """Whether the fact is below the plan."""


def steps(picture: Picture) -> dict[float, Step]:
    """The steps that have readings, by their beginning; of a picture of one panel."""
    edges, zone = picture.period.edges, ZoneInfo(picture.period.zone)
    ends = dict(pairwise(edges))
    buckets = picture.panels[0].buckets if picture.panels else ()
    made = (_step(bucket, ends[bucket.bucket], zone, picture.unfinished) for bucket in buckets)
    return {step.start: step for step in made}


def _step(bucket: Bucket, end: datetime, zone: ZoneInfo, unfinished: datetime | None) -> Step:
    is_over = unfinished is None or bucket.bucket < unfinished
    # a plan that was due and has no fact was missed whole
    fact = 0.0 if bucket.fact is None and is_over else bucket.fact
    gap = None if bucket.plan is None or fact is None else difference(fact, bucket.plan)
    return Step(
        1000 * bucket.bucket.timestamp(),
        1000 * end.timestamp(),
        _when(bucket.bucket, end, zone) + ("" if is_over else ", not over yet"),
        "–" if bucket.plan is None else number(bucket.plan),
        "–" if bucket.fact is None else number(bucket.fact),
        "–" if gap is None else number(gap, sign=True),
        gap is not None and gap < 0,
    )


def _when(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    first, last = start.astimezone(zone), end.astimezone(zone)
    day = f"{first:%a} {first.day} {first:%b}"
    if end - start == timedelta(minutes=1):
        return f"{day}, {first:%H:%M}"
    return f"{day}, {first:%H:%M} to {last:%H:%M}"
