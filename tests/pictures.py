"""Makes pictures to draw, and reads the drawings."""

import re
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

from service.charts.drawing.picture import Picture
from service.charts.legible import legible_period
from service.period.bucket import Bucket, Numbers, Panel
from service.period.steps import Period

NOW = datetime(2026, 11, 22, 11, 59, 30, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def panel(period: Period, name: str | None = None, *, others: int | None = None, more: float = 0) -> Panel:
    """A panel with a bucket for each step, except for a gap of ten minutes, or of ten steps out of twenty."""
    starts = [at for at in period.edges[:-1] if not 20 <= (at.minute if period.step == "1m" else at.day) < 30]
    return Panel(name, others, tuple(Bucket(at, 100 + at.minute + more, 90.5 + at.minute + more, 6) for at in starts))


def picture(
    start: str | None = None,
    step: str | None = None,
    zone: str = "UTC",
    names: tuple[str | None, ...] = (None,),
    **looks: Any,
) -> Picture:
    """The picture of a period that ends in the minute of NOW."""
    period = legible_period(start, None, step, zone, NOW, looks.get("width", 960))
    panels = tuple(panel(period, name, more=10 * number) for number, name in enumerate(names))
    looks = {"title": "Plan and fact", "time_format": "%Y-%m-%d %H:%M", "split": len(names) > 1, **looks}
    return Picture(Numbers(panels, None), period, **looks)


def nothing(start: str | None = None) -> Picture:
    """A picture of a period without readings."""
    return Picture(
        Numbers((), None), legible_period(start, None, None, "UTC", NOW, 960), "Plan and fact", "%Y-%m-%d %H:%M"
    )


def of(buckets: list[Bucket], period: Period, **looks: Any) -> Picture:
    """A picture of these buckets."""
    return Picture(
        Numbers((Panel(None, None, tuple(buckets)),), None), period, **{"title": "x", "time_format": "%H:%M", **looks}
    )


def bars(svg: bytes | str) -> dict[str, dict[str, float]]:
    """The plan and the fact of each bar of an SVG, by the label of its minute."""
    found: dict[str, dict[str, float]] = defaultdict(dict)
    for path in ElementTree.fromstring(svg).iter(f"{SVG}path"):
        if path.get("aria-roledescription") == "bar":
            match = re.fullmatch(r"(.+), (plan|fact) (\S+)", path.get("aria-label", ""))
            assert match
            found[match[1]][match[2]] = float(match[3])
    return dict(found)


def boxes(svg: bytes, kind: str) -> list[tuple[float, float, float]]:
    """The left edge, width and height of the bars of one kind, from left to right."""
    found = []
    for path in ElementTree.fromstring(svg).iter(f"{SVG}path"):
        if path.get("aria-roledescription") == "bar" and f", {kind} " in path.get("aria-label", ""):
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", path.get("d", ""))]
            found.append((numbers[0], numbers[2], numbers[3]))
    return sorted(found)


def fills(svg: bytes, kind: str) -> list[str]:
    """The colours of the bars of one kind, from left to right."""
    found = [
        (float(re.findall(r"-?[\d.]+", path.get("d", ""))[0]), path.get("fill", ""))
        for path in ElementTree.fromstring(svg).iter(f"{SVG}path")
        if path.get("aria-roledescription") == "bar" and f", {kind} " in path.get("aria-label", "")
    ]
    return [colour for _, colour in sorted(found)]


def texts(svg: bytes) -> list[str]:
    """Every text of an SVG."""
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)
