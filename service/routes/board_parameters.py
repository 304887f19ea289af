"""The parameters of `/board`, read as those of `/chart` are."""

from datetime import timedelta
from typing import Literal

import msgspec

from service.access.grants import Grant
from service.board.board_period import STEPS, BoardPeriod
from service.charts.drawing.themes import THEMES
from service.errors import bad_parameter, quoted
from service.languages.language import language_named
from service.languages.sentence import sentence
from service.live.board_view import BoardLooks, BoardView
from service.period.comparison import Threshold
from service.period.ends import Asked
from service.quantities import parse_duration
from service.routes.chart.chart_parameters import KNOWN as OF_CHARTS
from service.routes.defaults import Defaults
from service.routes.described_parameters import Described, read_fields
from service.routes.openapi_schemas import schema
from service.routes.parameters import choice
from service.routes.visible_series import series_shown

FORMATS = {"html": "text/html", "json": "application/json", "csv": "text/csv"}
VIEWS = ("hours", "wall")
WALL_THRESHOLD = Threshold(5, is_share=True)
"""How far below its plan a series may be on the wall before it is red, where nobody says."""
SHARED = ("from", "until", "shift", "tz", "series", "split", "threshold", "labels", "unit", "title", "excel", "lang")
"""The parameters that are those of /chart."""


class BoardParameters(msgspec.Struct, frozen=True):
    """The parameters of an address; None where one is missing."""

    start: str | None = None
    until: str | None = None
    shift: str | None = None
    tz: str | None = None
    step: str = "1h"
    series: tuple[str, ...] | None = None
    split: bool | None = None
    form: Literal["html", "json", "csv"] | None = None
    view: Literal["hours", "wall"] = "hours"
    theme: str = "dark"
    threshold: Threshold | None = Threshold()
    stale: timedelta = timedelta(minutes=5)
    labels: tuple[str, str] | None = None
    unit: str | None = None
    title: str | None = None
    excel: bool = False
    lang: str | None = None

    @property
    def is_split(self) -> bool:
        """Whether each series stands by itself, as on the wall unless told otherwise."""
        return self.view == "wall" if self.split is None else self.split

    def board_view(self, defaults: Defaults, grant: Grant, language: str) -> BoardView:
        """The view that is asked for, in a language, of the series that are granted. Forbidden for a series that
        isn't."""
        period = BoardPeriod(Asked(self.start, self.until, self.shift), self.step, self.tz or defaults.zone)
        looks = BoardLooks(
            language_named(language).labels(self.labels or defaults.labels),
            defaults.unit if self.unit is None else self.unit,
            self.title,
            self.threshold,
            self.stale,
        )
        return BoardView(period, series_shown(self.series, grant), self.is_split, self.view == "wall", looks, language)


def _stale(name: str, value: str) -> timedelta:
    try:
        found = parse_duration(value)
    except ValueError:
        wrong = sentence("%(value)s isn't a duration; write one like 5m, from 1m to 31d", value=quoted(value))
        raise bad_parameter(name, wrong) from None
    if not timedelta(minutes=1) <= found <= timedelta(days=31):
        raise bad_parameter(name, sentence("must be from 1m to 31d"))
    return found


def _split(name: str, value: str) -> bool:
    return choice(name, value, ["series", "none"]) == "series"


KNOWN: dict[str, Described] = {
    **{name: OF_CHARTS[name] for name in SHARED},
    "split": Described(
        "split",
        _split,
        "`series`: rows for each series; `none`: for all of them together, on the wall as well.",
        schema("string", enum=["series", "none"]),
    ),
    "step": Described(
        "step",
        lambda name, value: choice(name, value, STEPS),
        "Length of a row.",
        schema("string", enum=list(STEPS), default="1h"),
    ),
    "format": Described(
        "form",
        lambda name, value: choice(name, value, FORMATS),
        "By default what `Accept` says.",
        schema("string", enum=list(FORMATS)),
    ),
    "view": Described(
        "view",
        lambda name, value: choice(name, value, VIEWS),
        "`hours`: a row an hour; `wall`: a tile a series, for a screen on the wall.",
        schema("string", enum=list(VIEWS), default="hours"),
    ),
    "theme": Described(
        "theme",
        lambda name, value: choice(name, value, [one for one in THEMES if one != "print"]),
        "Colours of the wall.",
        schema("string", enum=["light", "dark"], default="dark"),
    ),
    "stale": Described(
        "stale",
        _stale,
        "On the wall, a series without a fact for so long is grey.",
        schema("string", default="5m", example="15m"),
    ),
}


def read_board_parameters(given: list[tuple[str, str]], longest: int) -> BoardParameters:
    """Read the parameters of an address strictly, with names of series of so many characters at most. BadRequest names
    all that are wrong. An empty one, which forms send, counts as absent."""
    fields = read_fields(((name, value) for name, value in given if value.strip()), KNOWN, longest)
    if fields.get("view") == "wall":
        fields.setdefault("threshold", WALL_THRESHOLD)
    return BoardParameters(**fields)
