"""The parameters of `/chart`. How each is read and how the API's description explains it are defined together."""

from functools import lru_cache

import msgspec

from service.charts.drawing.picture import MAX_PANELS, STYLES, WIDTH, Style, default_height
from service.charts.drawing.themes import THEMES
from service.charts.drawing.wording import AGGREGATES
from service.charts.question import MAX_PIXELS, ChartFormat, check_pixels
from service.errors import bad_parameter
from service.intake.reading import MAX_NAME
from service.languages.language import languages
from service.period.comparison import Threshold, read_threshold
from service.period.earlier import Earlier, read_earlier
from service.period.ends import Asked
from service.period.open_hours import OpenHours, open_hours, read_days, read_hours
from service.period.running import CUMULATIVE, Cumulative
from service.period.shift_rules import Minutes
from service.period.steps import STEPS
from service.period.times import check_zone
from service.routes.chart.values import (
    MAX_LABEL,
    MAX_TITLE,
    decimal,
    labels,
    one_of,
    text,
    time_format,
    title,
    unit,
    whole,
)
from service.routes.described_parameters import Described, read_fields
from service.routes.openapi_schemas import schema
from service.routes.parameters import MAX_CHOSEN, choice
from service.routes.speaking import check_language

FORMATS: dict[ChartFormat, str] = {
    "png": "image/png",
    "svg": "image/svg+xml",
    "pdf": "application/pdf",
    "html": "text/html",
    "json": "application/json",
    "csv": "text/csv",
    "vega": "application/vnd.vegalite.v6+json",
}
MIN_WIDTH, MIN_HEIGHT, MAX_SIDE, MAX_SCALE = 200, 150, 3000, 4
ADDED_UP = ("sum", "increase")
"""The aggregates of which there are running totals."""


class ChartParameters(msgspec.Struct, frozen=True):
    """The parameters of an address; None where a parameter is missing, so that the service chooses."""

    start: str | None = None
    until: str | None = None
    shift: str | None = None
    tz: str | None = None
    step: str | None = None
    agg: str = "sum"
    series: tuple[str, ...] | None = None
    split: bool = False
    form: ChartFormat | None = None
    width: int = WIDTH
    height: int | None = None
    scale: float = 1
    theme: str = "light"
    title: str | None = None
    time_format: str | None = None
    threshold: Threshold | None = Threshold()
    cumulative: Cumulative | None = None
    style: Style = "bars"
    plan: Earlier | None = None
    labels: tuple[str, str] | None = None
    unit: str | None = None
    hours: Minutes | None = None
    days: tuple[int, ...] | None = None
    notes: bool | None = None
    excel: bool = False
    lang: str | None = None

    @property
    def asked(self) -> Asked:
        """What the address has for the period."""
        return Asked(self.start, self.until, self.shift)

    @property
    def open_hours(self) -> OpenHours | None:
        """The hours and days whose steps alone are kept; None for all."""
        return open_hours(self.hours, self.days)

    @property
    def max_panels(self) -> int | None:
        """The most panels, with one series each; None for a single panel of all the series together."""
        if not self.split:
            return None
        names = self.series or ("/*",)
        # which stands for any number of series where several sites are shown
        return MAX_PANELS if any(name.endswith("/*") for name in names) else min(MAX_PANELS, len(names))


_TIME = (
    "RFC 3339, a date, epoch seconds or milliseconds, now-2h, -2h, now-1d/d, today, 6pm yesterday, shift, last-shift"
)
KNOWN = {
    "from": Described(
        "start", text, f"Begin: {_TIME}. By default an hour before `until`.", schema("string", example="-6h")
    ),
    "until": Described("until", text, "End, written like `from`; by default now.", schema("string", example="now")),
    "shift": Described(
        "shift",
        text,
        "Instead of `from` and `until`, a shift of the setting `SHIFTS`: `early`, the newest of that name that has "
        "begun; `early@2026-11-24`, `early@yesterday`, that of a date; `shift`, the running one, or the last where "
        "none is; `last-shift`, the newest that is over.",
        schema("string", example="last-shift"),
    ),
    "tz": Described(
        "tz",
        lambda _, value: check_zone(value),
        "IANA time zone of period, steps and axis.",
        schema("string", example="Europe/Berlin"),
    ),
    "step": Described(
        "step",
        one_of(list(STEPS)),
        "Length of a step: minutes, hours, days, weeks from Monday on (`w`), months (`M`) or years; by default the "
        "shortest that leaves the bars legible. A picture has a longer one where it would be narrower than a pixel.",
        schema("string", enum=list(STEPS)),
    ),
    "hours": Described(
        "hours",
        read_hours,
        "Only the steps that begin within these hours by the clock of `tz`, which may go over midnight. Steps have an "
        "hour at most.",
        schema("string", example="06:00-22:00"),
    ),
    "days": Described(
        "days",
        read_days,
        "Only the steps that begin on these days; of `hours` over midnight, those on which the hours begin. Steps have "
        "a day at most.",
        schema("string", example="mon-fri,sun"),
    ),
    "agg": Described(
        "agg",
        one_of(list(AGGREGATES)),
        "What a bar shows; `increase`: facts are counters, and it shows by how much each has risen.",
        schema("string", enum=list(AGGREGATES), default="sum"),
    ),
    "series": Described(
        "series",
        text,
        f"Only these series; repeatable, up to {MAX_CHOSEN} times. A name has {MAX_NAME} characters at most; in a view "
        "over several sites, that of its site and a slash come before.",
        schema("array", items=schema("string", min_length=1), min_items=1, max_items=MAX_CHOSEN),
    ),
    "split": Described(
        "split",
        lambda name, value: bool(choice(name, value, ["series"])),
        f"`series`: a panel for each series, {MAX_PANELS} at most; the rest share the last.",
        schema("string", enum=["series"]),
    ),
    "format": Described(
        "form", one_of(list(FORMATS)), "By default what `Accept` says.", schema("string", enum=list(FORMATS))
    ),
    "excel": Described(
        "excel",
        lambda name, value: choice(name, value, ["true", "false"]) == "true",
        "`true`: CSV for a spreadsheet, in which no text is taken for a formula.",
        schema("string", enum=["true", "false"], default="false"),
    ),
    "width": Described(
        "width",
        whole(MIN_WIDTH, MAX_SIDE),
        "Pixels.",
        schema("integer", minimum=MIN_WIDTH, maximum=MAX_SIDE, default=WIDTH),
    ),
    "height": Described(
        "height",
        whole(MIN_HEIGHT, MAX_SIDE),
        "Pixels; by default 480 from a width of 960 on, five eighths of less, 200 at least, and more for panels.",
        schema("integer", minimum=MIN_HEIGHT, maximum=MAX_SIDE),
    ),
    "scale": Described(
        "scale",
        decimal(1, MAX_SCALE, f"from 1 to {MAX_SCALE}"),
        f"Pixels of a PNG per pixel of `width`, for dense screens and print; {MAX_PIXELS:,} pixels at most.",
        schema("number", minimum=1, maximum=MAX_SCALE, default=1),
    ),
    "theme": Described("theme", one_of(list(THEMES)), "Colours.", schema("string", enum=list(THEMES), default="light")),
    "title": Described(
        "title", title, "By default the service's own.", schema("string", min_length=1, max_length=MAX_TITLE)
    ),
    "time_format": Described(
        "time_format",
        time_format,
        "Labels of the time axis, as in `strftime`.",
        schema("string", min_length=1, max_length=50, example="%H:%M"),
    ),
    "cumulative": Described(
        "cumulative",
        one_of(CUMULATIVE),
        "Running totals of plan and fact as lines, and how far the facts are ahead of what is due or behind it: since "
        "the beginning of the period, of each day or of each shift.",
        schema("string", enum=list(CUMULATIVE)),
    ),
    "style": Described(
        "style",
        one_of(STYLES),
        "`bars`: plan and fact beside each other where there is room; `target`: one bar of fact a step, and the plan "
        "as a line across it.",
        schema("string", enum=list(STYLES), default="bars"),
    ),
    "plan": Described(
        "plan",
        read_earlier,
        "`fact-7d`, `fact-1w`, …: the facts of so long ago as the plan; units h, d, w, M and y.",
        schema("string", example="fact-7d", pattern=r"^fact-[1-9][0-9]{0,3}[hdwMy]$"),
    ),
    "labels": Described(
        "labels",
        labels,
        "What plan and fact are called, with a comma between.",
        schema("string", example="Soll,Ist", max_length=2 * MAX_LABEL + 1),
    ),
    "unit": Described(
        "unit",
        unit,
        "What plan and fact count; empty for nothing.",
        schema("string", example="pcs", max_length=MAX_LABEL),
    ),
    "notes": Described(
        "notes",
        lambda name, value: choice(name, value, ["true", "false"]) == "true",
        "Whether notes are shown: marks in pictures, `notes` in JSON, a column in CSV; by default not in CSV.",
        schema("string", enum=["true", "false"]),
    ),
    "lang": Described(
        "lang",
        check_language,
        "Language of texts, numbers and dates in pictures; by default the setting `LANGUAGE`, otherwise what the "
        "browser likes best. JSON and CSV are the same in all.",
        schema("string", enum=list(languages())),
    ),
    "threshold": Described(
        "threshold",
        read_threshold,
        "A fact that is more than this below its plan is marked, and so is a plan that is due and has no fact: a "
        "number written without an exponent, a share of the plan like `5%`, or `none`.",
        schema("string", default="0", example="5%"),
    ),
}


def read_parameters(given: tuple[tuple[str, str], ...], longest: int = MAX_NAME) -> ChartParameters:
    """Read the parameters of an address strictly, with names of series of so many characters at most. Raises
    BadRequest, which names those that are wrong and what is allowed."""
    read = ChartParameters(**read_fields(given, KNOWN, longest))
    if read.cumulative and read.agg not in ADDED_UP:
        raise bad_parameter("cumulative", f"has totals of what is added up; agg is {' or '.join(ADDED_UP)} then")
    check_pixels(read.width, read.height or default_height(read.width, 1), read.scale)
    return read


kept_parameters = lru_cache(1024)(read_parameters)
"""The same, where the address is short; what was read last is kept."""
