"""What a chart shows, and how it is to look. Values only."""

from datetime import datetime

import msgspec

from service.period.bucket import Numbers, Panel
from service.period.steps import Period

WIDTH, HEIGHT = 960, 480
COLUMN, ROW = 290, 170
"""Room for one of several panels."""
AXIS_ROOM = 58
"""Pixels of a panel's width that the axis beside it takes, about."""
MAX_PANELS = 12


class Picture(msgspec.Struct, frozen=True):
    """Everything a chart shows; two equal pictures are drawn alike."""

    numbers: Numbers
    period: Period
    title: str
    time_format: str
    agg: str = "sum"
    width: int = WIDTH
    height: int = HEIGHT
    theme: str = "light"
    threshold: float | None = None
    """A fact that is more than this below its plan is marked."""
    unfinished: datetime | None = None
    """The beginning of the first step that isn't over yet, or None: what is due lies before it."""
    asked_step: str | None = None
    """The step that was asked for, where it would have been too narrow to draw."""
    split: bool = False
    series: tuple[str, ...] | None = None
    """Those that were asked for."""
    short_labels: bool = False
    """Whether the time axis says the date once only, in place of `time_format` at each label."""
    title_given: bool = False
    """Whether the title is somebody's own, which may not say what was added up."""

    @property
    def panels(self) -> tuple[Panel, ...]:
        """What is drawn side by side."""
        return panels(self.numbers, self.series) if self.split else self.numbers.panels

    @property
    def columns(self) -> int:
        """How many panels stand side by side."""
        return columns(self.width, len(self.panels)) if self.split else 1

    @property
    def is_compact(self) -> bool:
        """Whether there is so little room that texts have to be smaller."""
        return self.width < 480


def panels(numbers: Numbers, series: tuple[str, ...] | None) -> tuple[Panel, ...]:
    """A panel for each series that was asked for, in that order, also where it has no readings; at most MAX_PANELS.

    Where some are put together as others, nobody knows which of them have readings.
    """
    found = {panel.name for panel in numbers.panels}
    names = list(dict.fromkeys(series or ()))
    lacking = [] if None in found else [name for name in names if name not in found]
    made = [*numbers.panels, *(Panel(name, None, ()) for name in lacking[: MAX_PANELS - len(found)])]
    order: dict[str | None, int] = {name: place for place, name in enumerate(names)}
    return tuple(sorted(made, key=lambda panel: order.get(panel.name, len(order))))


def columns(width: int, panels: int) -> int:
    """How many of some panels stand side by side in a picture of this width."""
    return max(1, min(2 if panels == 4 else 3, panels, width // COLUMN))


def default_height(width: int, panels: int) -> int:
    """The height where none is asked for: less in narrow pictures, and room for every panel."""
    rows = -(-panels // columns(width, panels))
    alone = HEIGHT if width >= WIDTH else max(200, width * 5 // 8)
    return max(alone, 100 + rows * ROW) if panels > 1 else alone
