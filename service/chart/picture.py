"""What a chart shows, and how it is to look. Values only."""

from datetime import datetime

import msgspec

from service.buckets import Numbers
from service.period import Period

WIDTH, HEIGHT = 960, 480
COLUMN, ROW = 290, 170
"""Room for one of several panels."""
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
    """The beginning of the step that isn't over yet."""
    split: bool = False

    @property
    def columns(self) -> int:
        """How many panels stand side by side."""
        return columns(self.width, len(self.numbers.panels)) if self.split else 1

    @property
    def is_compact(self) -> bool:
        """Whether there is so little room that texts have to be smaller."""
        return self.width < 480


def columns(width: int, panels: int) -> int:
    """How many of some panels stand side by side in a picture of this width."""
    return max(1, min(2 if panels == 4 else 3, panels, width // COLUMN))


def default_height(width: int, panels: int) -> int:
    """The height where none is asked for: half the width, more in narrow pictures, and room for every panel."""
    rows = -(-panels // columns(width, panels))
    alone = HEIGHT if width >= WIDTH else max(200, width * 5 // 8)
    return max(alone, 100 + rows * ROW) if panels > 1 else alone
