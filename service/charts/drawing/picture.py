"""A picture before it is drawn: what it shows, and how it is to look. Values only."""

from datetime import datetime
from typing import Literal

import msgspec

from service.languages.language import ENGLISH
from service.period.bucket import Numbers, Panel, Running
from service.period.comparison import Threshold
from service.period.earlier import Earlier
from service.period.kept import Coarser
from service.period.shifts import Shift
from service.period.steps import Period

WIDTH, HEIGHT = 960, 480
PANEL_WIDTH, PANEL_HEIGHT = 290, 170
"""The room for one of several panels."""
AXIS_ROOM = 58
"""About the pixels of a panel's width that the axis beside it takes."""
MAX_PANELS = 12
LABELS = ("plan", "fact")


Style = Literal["bars", "target"]
STYLES: tuple[Style, ...] = ("bars", "target")


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
    threshold: Threshold | None = None
    """A step is marked where its fact is more than this below its plan; none is where that is None."""
    unfinished: datetime | None = None
    """The beginning of the first step that isn't over yet, if there is one. The plans before it are due."""
    asked_step: str | None = None
    """The step that was asked for, where it would be too narrow to be drawn."""
    split: bool = False
    series: tuple[str, ...] | None = None
    """The series that were asked for; None for all."""
    short_labels: bool = False
    """Whether the time axis says each date once only, rather than `time_format` at each label."""
    title_given: bool = False
    """Whether somebody gave the title. Such a title may not say which series are shown, and how aggregated."""
    shift: Shift | None = None
    """The shift that was asked for, which the service's own title names."""

    style: Style = "bars"
    """Whether plan and fact are bars side by side where there is room, or the plan is always a line across the fact."""
    now: datetime | None = None
    """The running minute, at which a line is drawn, where the picture reaches beyond the running step."""
    earlier: Earlier | None = None
    """Of how long ago the facts are that are shown as the plan."""
    labels: tuple[str, str] = LABELS
    """What plan and fact are called."""
    unit: str = ""
    """What they count."""
    notes: bool = False
    """Whether notes are to be shown; those that there are, are among the numbers."""
    language: str = ENGLISH
    """The code of the language of its texts, numbers and dates."""
    coarser: Coarser | None = None
    """Why the steps are longer than was asked for, where nothing finer is kept."""
    running: Running | None = None
    """The running totals that are drawn as lines over the bars; None where there are none."""

    @property
    def panels(self) -> tuple[Panel, ...]:
        """The panels that are drawn."""
        return panels(self.numbers, self.series) if self.split else self.numbers.panels

    @property
    def columns(self) -> int:
        """How many panels stand side by side."""
        return columns(self.width, len(self.panels)) if self.split else 1

    @property
    def is_compact(self) -> bool:
        """Whether the picture is so narrow that its texts have to be smaller."""
        return self.width < 480


def panels(numbers: Numbers, series: tuple[str, ...] | None) -> tuple[Panel, ...]:
    """A panel for each series that was asked for, in that order, even where it has no readings; at most MAX_PANELS.

    Where several series are put together as others, a series without a panel may be among those, and gets none; and
    so does what is no series, or of a site of which nothing is known.
    """
    found = {panel.name for panel in numbers.panels}
    names = list(dict.fromkeys(series or ()))
    lacking = [] if None in found else [name for name in names if name not in found and name not in numbers.unnamed]
    made = [*numbers.panels, *(Panel(name, None, ()) for name in lacking[: MAX_PANELS - len(found)])]
    order: dict[str | None, int] = {name: place for place, name in enumerate(names)}
    return tuple(sorted(made, key=lambda panel: order.get(panel.name, len(order))))


def columns(width: int, panels: int) -> int:
    """How many of so many panels stand side by side in a picture of this width."""
    return max(1, min(2 if panels == 4 else 3, panels, width // PANEL_WIDTH))


def default_height(width: int, panels: int) -> int:
    """The height where none is asked for: lower in narrow pictures, and with room for every panel."""
    rows = -(-panels // columns(width, panels))
    alone = HEIGHT if width >= WIDTH else max(200, width * 5 // 8)
    return max(alone, 100 + rows * PANEL_HEIGHT) if panels > 1 else alone
