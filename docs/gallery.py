"""Draws the gallery: `make gallery`. Every kind of chart once, from made-up numbers that are the same each time."""

import math
from pathlib import Path

from made_up import (
    BERLIN,
    LINES,
    NOW,
    WORK,
    ahead,
    monthly,
    noted,
    picture,
    running_days,
    running_shift,
    shift,
    stopped,
)

from service.charts.drawing.draw import draw
from service.charts.drawing.error_picture import error_png
from service.charts.drawing.picture import Picture
from service.charts.legible import legible_period
from service.period.bucket import Bucket, Panel
from service.period.comparison import Threshold
from service.period.earlier import Earlier
from service.period.open_hours import OpenHours
from service.period.steps import STEPS

FOLDER = Path(__file__).with_name("gallery")


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
        "shift": (
            "A shift that reaches beyond now: `shift=early&step=15m`",
            picture("2026-11-22T06:00", "2026-11-22T14:30", "15m", panels=shift()[1]),
        ),
        "running": ("Its totals: `shift=early&step=15m&cumulative=period`", running_shift()),
        "running-dark": (
            "The same, `style=target&labels=Soll,Ist&unit=pcs&theme=dark`",
            running_shift(style="target", labels=("Soll", "Ist"), unit="pcs", theme="dark"),
        ),
        "running-days": ("`from=2026-11-20&step=1h&cumulative=day`", running_days()),
        "target": ("`style=target`", picture(style="target")),
        "target-print": (
            "`style=target&from=-6h&step=30m&threshold=5%&theme=print`",
            picture("-6h", step="30m", style="target", threshold=Threshold(5, is_share=True), theme="print"),
        ),
        "labels": (
            "`labels=Soll,Ist&unit=Stück&threshold=5%`",
            picture(labels=("Soll", "Ist"), unit="Stück", threshold=Threshold(5, is_share=True), title="Soll and Ist"),
        ),
        "increase": (
            "Counters: `from=-6h&agg=increase`",
            picture("-6h", agg="increase", title="Plan and fact, increase"),
        ),
        "earlier": (
            "The facts of a week ago as the plan: `from=-24h&plan=fact-7d`",
            picture("-24h", earlier=Earlier(7, "d")),
        ),
        "hours": (
            "Without nights and weekends: `from=-7d&hours=06:00-22:00&days=mon-fri`",
            picture("-7d", hours=WORK),
        ),
        "hours-dark": (
            "Nights alone: `from=2026-11-19&until=2026-11-25&step=1h&hours=22:00-06:00&theme=dark`",
            picture("2026-11-19", "2026-11-25", "1h", hours=OpenHours((1320, 1800)), theme="dark"),
        ),
        "hours-print": (
            "`from=-30d&step=1d&days=mon-fri&theme=print`",
            picture("-30d", step="1d", hours=OpenHours(days=WORK.days), theme="print"),
        ),
        "hours-panels": (
            "`split=series&from=-3d&step=1h&hours=06:00-22:00`",
            picture("-3d", step="1h", hours=OpenHours(WORK.minutes), split=True, names=LINES[:3]),
        ),
        "notes": ("Notes: `threshold=5`", noted()),
        "notes-dark": ("The same: `width=480&theme=dark`", noted(width=480, theme="dark")),
        "notes-print": ("The same on paper: `theme=print`", noted(theme="print")),
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
