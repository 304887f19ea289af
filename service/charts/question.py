"""What the charts are asked: what a picture is to show, how it is to look, and in which form it is to be sent."""

from datetime import datetime
from typing import Literal

import msgspec

from service.charts.drawing.picture import LABELS, WIDTH, Style
from service.errors import bad_parameter
from service.languages.language import ENGLISH
from service.period.bucket import Running
from service.period.comparison import Threshold
from service.period.earlier import Earlier
from service.period.kept import Coarser
from service.period.selection import ALL_SERIES, SeriesFilter
from service.period.shifts import Shift
from service.period.steps import Period

ChartFormat = Literal["png", "svg", "pdf", "html", "json", "csv", "vega"]
TABLES: tuple[ChartFormat, ...] = ("json", "csv")
"""The formats that have the numbers alone, so that no appearance matters to them."""
MAX_PIXELS = 16_000_000
"""The most pixels of a PNG, its scale included."""


class Appearance(msgspec.Struct, frozen=True):
    """How a picture is to look, and in which language its texts are. Where the height or the title is None, the charts
    choose it."""

    time_format: str
    width: int = WIDTH
    height: int | None = None
    theme: str = "light"
    title: str | None = None
    threshold: Threshold | None = Threshold()
    short_labels: bool = False
    style: Style = "bars"
    labels: tuple[str, str] = LABELS
    unit: str = ""
    language: str = ENGLISH


class ChartQuestion(msgspec.Struct, frozen=True):
    """What a picture is to show: one panel of all the series together, or, where `max_panels` is a number, at most so
    many panels of a series each.

    `unfinished` is the beginning of the first step of the period that isn't over yet, if there is one. `asked_step` is
    the step that somebody asked for, where the steps of the period had to be longer, and `shift` the one that was asked
    for. `now` is the running minute where the period reaches beyond the running step. Without `notes`, those of the
    period are left out. `coarser` says why its steps are longer than asked for, where nothing finer is kept.
    """

    period: Period
    unfinished: datetime | None
    appearance: Appearance
    agg: str = "sum"
    series: SeriesFilter = ALL_SERIES
    max_panels: int | None = None
    asked_step: str | None = None
    running: Running | None = None
    now: datetime | None = None
    earlier: Earlier | None = None
    shift: Shift | None = None
    notes: bool = True
    coarser: Coarser | None = None


class Delivery(msgspec.Struct, frozen=True):
    """In which form a chart is to be sent, gzipped if `packed`, as CSV for a spreadsheet if `excel`; the tags of the
    charts that the client has already, where `*` stands for any; and who asks, if a turn has to be waited for."""

    form: ChartFormat
    scale: float = 1
    packed: bool = False
    known_tags: tuple[str, ...] = ()
    excel: bool = False
    caller: str = ""

    def is_known(self, tag: str) -> bool:
        """Whether the client has the chart with this tag."""
        return tag in self.known_tags or self.known_tags == ("*",)


def check_pixels(width: int, height: int, scale: float) -> None:
    """BadRequest where a picture would have too many pixels."""
    if scale**2 * width * height > MAX_PIXELS:
        raise bad_parameter("scale", f"makes a picture of more than {MAX_PIXELS:,} pixels, the most that is drawn")
