"""Draws the gallery: `make gallery`. Every kind of chart once, from made-up numbers that are the same each time."""

import math
import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from service.buckets import Bucket, Numbers, Panel
from service.chart.draw import draw
from service.chart.fault import fault_png
from service.chart.picture import Picture, default_height
from service.chart.picture import panels as asked_panels
from service.period import Period, make_period

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
    fact = plan * chance.triangular(0.78, 1.06, 0.99) * (0.8 if number % 29 in (11, 12, 13) else 1)
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
    period = make_period(start, end, step, zone, NOW, width)
    if look.get("split"):
        panels = [panel(period, name, 25 * (1 + number), number) for number, name in enumerate(look.pop("names"))]
        if others := look.pop("others", None):
            panels.append(panel(period, None, 400, 99, others))
    shown = tuple(panels if panels is not None else [panel(period)])
    look = {"title": "Plan and fact", "time_format": "%Y-%m-%d %H:%M", "unfinished": period.step_at(NOW), **look}
    numbers = Numbers(shown, None)
    height = default_height(width, len(asked_panels(numbers, look.get("series")) or [1]))
    return Picture(numbers, period, **{"height": height, **look})


def pictures() -> dict[str, tuple[str, Picture]]:
    """File name -> what it shows, and the picture."""
    hour = make_period(None, None, None, BERLIN, NOW, 960)
    one = [Panel(None, None, (Bucket(hour.edges[30], 42, 40, 6),))]
    below = [Panel(None, None, tuple(Bucket(at, 5, 8 * math.sin(n / 6), 1) for n, at in enumerate(hour.edges[:-1])))]
    documents = [Panel(None, None, tuple(Bucket(at, None, None, 2) for at in hour.edges[10:20]))]
    wide = "Plan and fact: final assembly of gearboxes, hall 4, early shift, all stations from pressing to the test rig"
    return {
        "hour": ("The last hour; the current minute is not over yet", picture()),
        "threshold": ("`threshold=5` marks facts that fall short", picture(threshold=5)),
        "dark": ("`theme=dark&threshold=5`", picture(theme="dark", threshold=5)),
        "print": ("`theme=print&threshold=5`", picture(theme="print", threshold=5)),
        "none": ("No readings", picture(panels=[])),
        "documents": ("Readings without plan and fact", picture(panels=documents)),
        "one": ("One minute", picture(panels=one)),
        "below-zero": ("Values below zero", picture(panels=below)),
        "six-hours": ("`from=-6h`: steps of 5 minutes", picture("-6h")),
        "day": ("`from=-1d&theme=dark`: steps of 15 minutes", picture("-1d", theme="dark")),
        "week": ("`from=-7d`: steps of an hour", picture("-7d")),
        "month": ("`from=-30d`: steps of 6 hours", picture("-30d")),
        "year": ("`from=-365d&threshold=10000`: steps of a day", picture("-365d", threshold=10000)),
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
            picture(split=True, names=LINES[:2], threshold=4),
        ),
        "asked-panels": (
            "One without readings: `split=series&series=Painting&series=Packing&series=Shipping`",
            picture(split=True, names=LINES[3:], series=("Painting", *LINES[3:])),
        ),
        "small": (
            "`width=320&threshold=5&title=Assembly 1`",
            picture(width=320, threshold=5, title="Assembly 1"),
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
    detail = "step: '9m' isn't allowed; allowed are 1m, 5m, 15m, 1h, 6h, 1d."
    (FOLDER / "error.png").write_bytes(fault_png("400 Bad Request", detail, 480, 200, "light"))
    page += ["## An error in an `<img>`", "", "![An error](gallery/error.png)", ""]
    FOLDER.with_suffix(".md").write_text("\n".join(page), encoding="utf-8")


if __name__ == "__main__":
    main()
