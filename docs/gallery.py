"""Draws the gallery: `make gallery`. Every kind of chart once, from made-up numbers that are the same each time."""

import math
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from service.charts.drawing.draw import draw
from service.charts.drawing.error_picture import error_png
from service.charts.drawing.picture import Picture, default_height
from service.charts.drawing.picture import panels as asked_panels
from service.charts.legible import legible_period
from service.period.bucket import Bucket, Numbers, Panel
from service.period.comparison import Threshold
from service.period.steps import STEPS, Period

FOLDER = Path(__file__).with_name("gallery")
NOW = datetime(2026, 11, 22, 11, 47, 30, tzinfo=UTC)
BERLIN = "Europe/Berlin"
LINES = ["Assembly 1", "Assembly 2", "Paint shop", "Packing", "Shipping"]


def bucket(at: datetime, seconds: int, number: int, level: float, chance: random.Random) -> Bucket | None:
    """A plan that follows the shifts, and a fact that mostly keeps up; nothing during a break."""
    if seconds <= 900 and at.minute in range(20, 26):
        return None
    share = seconds / 60
    plan = round(level * share * (1 + 0.15 * math.sin(number / 11)))
    fact = plan * chance.triangular(0.92, 1.08, 1.02) * (0.8 if number % 29 in (11, 12, 13) else 1)
    return Bucket(at, plan, round(fact), max(1, seconds // 10))


def panel(
    period: Period, name: str | None = None, level: float = 40, seed: int = 1, others: int | None = None
) -> Panel:
    chance = random.Random(seed)  # noqa: S311
    made = [bucket(at, period.seconds, number, level, chance) for number, at in enumerate(period.edges[:-1])]
    return Panel(name, others, tuple(one for one in made if one is not None))


def picture(
    start: str | None = None, end: str | None = None, step: str | None = None, zone: str = BERLIN, **look: Any
) -> Picture:
    """A chart as the service would make it at NOW."""
    panels: list[Panel] | None = look.pop("panels", None)
    width = look.get("width", 960)
    period = legible_period(start, end, step, zone, NOW, width)
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
        **look,
    }
    numbers = Numbers(shown, None)
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


def pictures() -> dict[str, tuple[str, Picture]]:
    """File name -> what it shows, and the picture."""
    hour = legible_period(None, None, None, BERLIN, NOW, 960)
    one = [Panel(None, None, (Bucket(hour.edges[30], 42, 40, 6),))]
    below = [Panel(None, None, tuple(Bucket(at, 5, 8 * math.sin(n / 6), 1) for n, at in enumerate(hour.edges[:-1])))]
    documents = [Panel(None, None, tuple(Bucket(at, None, None, 2) for at in hour.edges[10:20]))]
    wide = "Plan and fact: final assembly of gearboxes, hall 4, early shift, all stations from pressing to the test rig"
    return {
        "hour": ("The last hour; the current minute is not over yet", picture()),
        "threshold": ("`threshold=5` marks facts that fall short", picture(threshold=Threshold(5))),
        "dark": ("`theme=dark&threshold=5`", picture(theme="dark", threshold=Threshold(5))),
        "print": ("`theme=print&threshold=5`", picture(theme="print", threshold=Threshold(5))),
        "none": ("No readings", picture(panels=[])),
        "documents": ("Readings without plan and fact", picture(panels=documents)),
        "one": ("One minute", picture(panels=one)),
        "below-zero": ("Values below zero", picture(panels=below)),
        "six-hours": ("`from=-6h`: steps of 5 minutes", picture("-6h")),
        "day": ("`from=-1d&theme=dark`: steps of 15 minutes", picture("-1d", theme="dark")),
        "week": ("`from=-7d`: steps of an hour", picture("-7d")),
        "month": ("`from=-30d`: steps of 6 hours", picture("-30d")),
        "day-5m": ("`from=-18h&step=5m&theme=dark`: plan is a line", picture("-18h", step="5m", theme="dark")),
        "week-print": ("`from=-7d&threshold=250&theme=print`", picture("-7d", threshold=Threshold(250), theme="print")),
        "fortnight": ("`from=-14d&step=1h&threshold=250`", picture("-14d", step="1h", threshold=Threshold(250))),
        "year": ("`from=-365d&threshold=50000`: steps of a week", picture("-365d", threshold=Threshold(50000))),
        "days": ("`from=-365d&step=1d`: a step that is asked for", picture("-365d", step="1d")),
        "sparse": ("A reading a month: `from=2006-01-01&until=2008-01-01`", monthly(None)),
        "two-years": ("The same by the month: `from=2006-01-01&until=2008-01-01&step=1M`", monthly("1M")),
        "ten-years": ("`from=2016-01-01&until=2026-01-01`: steps of a month", picture("2016-01-01", "2026-01-01")),
        "century": ("`from=1926-01-01&until=2026-01-01`: steps of a year", picture("1926-01-01", "2026-01-01")),
        "missed": (
            "Plans that have no fact, or hardly any: `threshold=5`",
            picture(panels=[stopped(hour)], threshold=Threshold(5)),
        ),
        "missed-print": (
            "The same on paper: `threshold=5&theme=print`",
            picture(panels=[stopped(hour)], threshold=Threshold(5), theme="print"),
        ),
        "missed-dense": (
            "The same for a day and a half: `from=-36h&step=15m&threshold=5`",
            picture(
                "-36h",
                step="15m",
                panels=[stopped(legible_period("-36h", None, "15m", BERLIN, NOW, 960))],
                threshold=Threshold(5),
            ),
        ),
        "ahead": ("A plan that lies ahead: `until=%2B30min&threshold=5`", ahead()),
        "clock-change": (
            "A night on which the clock goes back: `from=2026-10-24T12:00&until=2026-10-25T12:00&step=1h`",
            picture("2026-10-24T12:00", "2026-10-25T12:00", "1h"),
        ),
        "half-hour-zone": (
            "A zone half an hour off: `from=-12h&step=1h&tz=Asia/Kolkata`",
            picture("-12h", step="1h", zone="Asia/Kolkata"),
        ),
        "panels": (
            "`split=series&title=Plan and fact by line`",
            picture(split=True, names=LINES, title="Plan and fact by line"),
        ),
        "many-panels": (
            "More than 12 series: `split=series&step=5m&theme=dark`",
            picture(split=True, names=[f"Station {n:02}" for n in range(1, 12)], others=17, theme="dark", step="5m"),
        ),
        "two-panels": (
            "Two series: `split=series&threshold=4`",
            picture(split=True, names=LINES[:2], threshold=Threshold(4)),
        ),
        "asked-panels": (
            "One without readings: `split=series&series=Painting&series=Packing&series=Shipping`",
            picture(split=True, names=LINES[3:], series=("Painting", *LINES[3:])),
        ),
        "small": (
            "`width=320&threshold=5&title=Assembly 1`",
            picture(width=320, threshold=Threshold(5), title="Assembly 1"),
        ),
        "small-4x": ("`width=320&scale=4&title=Assembly 1`", picture(width=320, title="Assembly 1")),
        "small-panels": ("`width=320&split=series`", picture(split=True, names=LINES[:3], width=320)),
        "wide": ("`width=1600&height=300&time_format=%H:%M`", picture(width=1600, height=300, time_format="%H:%M")),
        "own-title": (
            "`agg=avg&series=Assembly 1&title=Early shift`",
            picture(agg="avg", series=("Assembly 1",), title="Early shift", title_given=True),
        ),
        "scripts": ("Every script", picture(title="Лінія «Ґалаґан» · 生产线三号 · 組立ライン · 생산 라인 · Straße №7")),
        "capitals": (
            "Capitals: `width=480`",
            picture(title="ЦЕХ №3: ШЛИФОВКА, ШЛАМОВЫЕ ФИЛЬТРЫ И МАШИНЫ", width=480),
        ),
        "long-title": ("A long title: `width=640&height=360`", picture(title=wide, width=640, height=360)),
    }


def main() -> None:
    """Write the pictures, and a page that shows them."""
    FOLDER.mkdir(exist_ok=True)
    page = ["# Gallery", "", "Every kind of chart, drawn by `make gallery` from made-up numbers.", ""]
    for name, (text, shown) in pictures().items():
        (FOLDER / f"{name}.png").write_bytes(draw(shown, "png", 4 if name == "small-4x" else 1))
        page += [f"## {text}", "", f"![{text}](gallery/{name}.png)", ""]
    detail = f"step: '9m' isn't allowed; allowed are {', '.join(STEPS)}."
    (FOLDER / "error.png").write_bytes(error_png("400 Bad Request", detail, 480, 200, "light"))
    page += ["## An error in an `<img>`", "", "![An error](gallery/error.png)", ""]
    FOLDER.with_suffix(".md").write_text("\n".join(page), encoding="utf-8")


if __name__ == "__main__":
    main()
