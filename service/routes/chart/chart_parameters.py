"""The parameters of `/chart`. How each is read and how the API's description explains it are defined together."""

import math
import re
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import Any

import msgspec
from litestar.openapi.spec import Schema

from service.charts.drawing.picture import MAX_PANELS, STYLES, WIDTH, Style, default_height
from service.charts.drawing.themes import THEMES
from service.charts.drawing.wording import AGGREGATES
from service.charts.question import MAX_PIXELS, ChartFormat, check_pixels
from service.errors import bad_parameter, quoted
from service.intake.reading import MAX_NAME
from service.period.comparison import Threshold, read_threshold
from service.period.earlier import Earlier, read_earlier
from service.period.ends import Asked
from service.period.running import CUMULATIVE, Cumulative
from service.period.steps import STEPS
from service.period.times import check_time_format, check_zone
from service.routes.openapi_schemas import schema
from service.routes.parameters import MAX_CHOSEN, Together, choice, known_names, series_names, whole_number

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
MAX_TITLE, MAX_LABEL = 200, 30


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
    excel: bool = False

    @property
    def asked(self) -> Asked:
        """What the address has for the period."""
        return Asked(self.start, self.until, self.shift)

    @property
    def max_panels(self) -> int | None:
        """The most panels, with one series each; None for a single panel of all the series together."""
        return min(MAX_PANELS, len(self.series or range(MAX_PANELS))) if self.split else None


class _Parameter(msgspec.Struct, frozen=True):
    """A parameter: the field that it sets, how its text is read, and how the API describes it."""

    field: str
    read: Callable[[str, str], Any]
    text: str
    described: Schema


def _text(name: str, value: str) -> str:
    if not value.strip():
        raise bad_parameter(name, "is empty")
    return value


def _title(name: str, value: str) -> str:
    if not 1 <= len(value) <= MAX_TITLE or not value.strip() or not value.isprintable():
        raise bad_parameter(name, f"must be 1 to {MAX_TITLE} printable characters")
    return value


def _labels(name: str, value: str) -> tuple[str, str]:
    plan, comma, fact = (part.strip() for part in value.partition(","))
    if not comma or "," in fact or not all(1 <= len(one) <= MAX_LABEL and one.isprintable() for one in (plan, fact)):
        raise bad_parameter(
            name, f"must be two names of 1 to {MAX_LABEL} printable characters with a comma between, like Soll,Ist"
        )
    return plan, fact


def _unit(name: str, value: str) -> str:
    if len(value) > MAX_LABEL or not value.isprintable():
        raise bad_parameter(name, f"must be at most {MAX_LABEL} printable characters")
    return value.strip()


def _time_format(name: str, value: str) -> str:
    if not 1 <= len(value) <= 50 or not value.isprintable():
        raise bad_parameter(name, "must be 1 to 50 printable characters, as in strftime")
    try:
        return check_time_format(value)
    except ValueError as exc:
        raise bad_parameter(name, str(exc)) from None


def _one_of(allowed: Sequence[str]) -> Callable[[str, str], str]:
    return lambda name, value: choice(name, value, allowed)


def _whole(lowest: int, highest: int) -> Callable[[str, str], int]:
    return lambda name, value: whole_number(name, value, lowest, highest)


def _decimal(lowest: float, highest: float, bounds: str) -> Callable[[str, str], float]:
    def read(name: str, value: str) -> float:
        number = float(value) if re.fullmatch(r"\d{1,16}(\.\d{0,30})?", value, re.ASCII) else math.nan
        if not lowest <= number <= highest:
            raise bad_parameter(name, f"{quoted(value)} must be a number {bounds}")
        return number

    return read


_TIME = (
    "RFC 3339, a date, epoch seconds or milliseconds, now-2h, -2h, now-1d/d, today, 6pm yesterday, shift, last-shift"
)
KNOWN = {
    "from": _Parameter(
        "start", _text, f"Begin: {_TIME}. By default an hour before `until`.", schema("string", example="-6h")
    ),
    "until": _Parameter("until", _text, "End, written like `from`; by default now.", schema("string", example="now")),
    "shift": _Parameter(
        "shift",
        _text,
        "Instead of `from` and `until`, a shift of the setting `SHIFTS`: `early`, the newest of that name that has "
        "begun; `early@2026-11-24`, `early@yesterday`, that of a date; `shift`, the running one, or the last where "
        "none is; `last-shift`, the newest that is over.",
        schema("string", example="last-shift"),
    ),
    "tz": _Parameter(
        "tz",
        lambda _, value: check_zone(value),
        "IANA time zone of period, steps and axis.",
        schema("string", example="Europe/Berlin"),
    ),
    "step": _Parameter(
        "step",
        _one_of(list(STEPS)),
        "Length of a step: minutes, hours, days, weeks from Monday on (`w`), months (`M`) or years; by default the "
        "shortest that leaves the bars legible. A picture has a longer one where it would be narrower than a pixel.",
        schema("string", enum=list(STEPS)),
    ),
    "agg": _Parameter(
        "agg",
        _one_of(list(AGGREGATES)),
        "What a bar shows; `increase`: facts are counters, and it shows by how much each has risen.",
        schema("string", enum=list(AGGREGATES), default="sum"),
    ),
    "series": _Parameter(
        "series",
        _text,
        f"Only these series; repeatable, up to {MAX_CHOSEN} times.",
        schema("array", items=schema("string", min_length=1, max_length=MAX_NAME), min_items=1, max_items=MAX_CHOSEN),
    ),
    "split": _Parameter(
        "split",
        lambda name, value: bool(choice(name, value, ["series"])),
        f"`series`: a panel for each series, {MAX_PANELS} at most; the rest share the last.",
        schema("string", enum=["series"]),
    ),
    "format": _Parameter(
        "form", _one_of(list(FORMATS)), "By default what `Accept` says.", schema("string", enum=list(FORMATS))
    ),
    "excel": _Parameter(
        "excel",
        lambda name, value: choice(name, value, ["true", "false"]) == "true",
        "`true`: CSV for a spreadsheet, in which no text is taken for a formula.",
        schema("string", enum=["true", "false"], default="false"),
    ),
    "width": _Parameter(
        "width",
        _whole(MIN_WIDTH, MAX_SIDE),
        "Pixels.",
        schema("integer", minimum=MIN_WIDTH, maximum=MAX_SIDE, default=WIDTH),
    ),
    "height": _Parameter(
        "height",
        _whole(MIN_HEIGHT, MAX_SIDE),
        "Pixels; by default 480 from a width of 960 on, five eighths of less, 200 at least, and more for panels.",
        schema("integer", minimum=MIN_HEIGHT, maximum=MAX_SIDE),
    ),
    "scale": _Parameter(
        "scale",
        _decimal(1, MAX_SCALE, f"from 1 to {MAX_SCALE}"),
        f"Pixels of a PNG per pixel of `width`, for dense screens and print; {MAX_PIXELS:,} pixels at most.",
        schema("number", minimum=1, maximum=MAX_SCALE, default=1),
    ),
    "theme": _Parameter(
        "theme", _one_of(list(THEMES)), "Colours.", schema("string", enum=list(THEMES), default="light")
    ),
    "title": _Parameter(
        "title", _title, "By default the service's own.", schema("string", min_length=1, max_length=MAX_TITLE)
    ),
    "time_format": _Parameter(
        "time_format",
        _time_format,
        "Labels of the time axis, as in `strftime`.",
        schema("string", min_length=1, max_length=50, example="%H:%M"),
    ),
    "cumulative": _Parameter(
        "cumulative",
        _one_of(CUMULATIVE),
        "Running totals of plan and fact as lines, and how far the facts are ahead of what is due or behind it: since "
        "the beginning of the period, of each day or of each shift.",
        schema("string", enum=list(CUMULATIVE)),
    ),
    "style": _Parameter(
        "style",
        _one_of(STYLES),
        "`bars`: plan and fact beside each other where there is room; `target`: one bar of fact a step, and the plan "
        "as a line across it.",
        schema("string", enum=list(STYLES), default="bars"),
    ),
    "plan": _Parameter(
        "plan",
        read_earlier,
        "`fact-7d`, `fact-1w`, …: the facts of so long ago as the plan; units h, d, w, M and y.",
        schema("string", example="fact-7d", pattern=r"^fact-[1-9][0-9]{0,3}[hdwMy]$"),
    ),
    "labels": _Parameter(
        "labels",
        _labels,
        "What plan and fact are called, with a comma between.",
        schema("string", example="Soll,Ist", max_length=2 * MAX_LABEL + 1),
    ),
    "unit": _Parameter(
        "unit",
        _unit,
        "What plan and fact count; empty for nothing.",
        schema("string", example="pcs", max_length=MAX_LABEL),
    ),
    "threshold": _Parameter(
        "threshold",
        read_threshold,
        "A fact that is more than this below its plan is marked, and so is a plan that is due and has no fact: a "
        "number written without an exponent, a share of the plan like `5%`, or `none`.",
        schema("string", default="0", example="5%"),
    ),
}


def read_parameters(given: tuple[tuple[str, str], ...]) -> ChartParameters:
    """Read the parameters of an address strictly. Raises BadRequest, which names those that are wrong and what is
    allowed."""
    known_names([name for name, _ in given], list(KNOWN), repeatable=["series"])
    all_of = Together()
    values = {
        KNOWN[name].field: all_of.read(partial(KNOWN[name].read, name, value), None)
        for name, value in given
        if name != "series"
    }
    names = all_of.read(lambda: series_names([value for name, value in given if name == "series"]), None)
    all_of.check()
    read = ChartParameters(**values, series=tuple(dict.fromkeys(names)) if names else None)
    if read.cumulative and read.agg not in ADDED_UP:
        raise bad_parameter("cumulative", f"has totals of what is added up; agg is {' or '.join(ADDED_UP)} then")
    check_pixels(read.width, read.height or default_height(read.width, 1), read.scale)
    return read


kept_parameters = lru_cache(1024)(read_parameters)
"""The same, where the address is short; what was read last is kept."""
