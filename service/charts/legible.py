"""How many bars a picture can show, and how long the steps of a period have to be for that."""

from datetime import datetime, timedelta

from service.charts.drawing.picture import Style
from service.errors import bad_parameter
from service.period.open_hours import OpenHours
from service.period.steps import Period, Time, in_longer_steps, longest_step, make_period

MAX_BARS = 1500
"""The most bars in one picture; each step has two, or one where plans are lines."""
LEGIBLE_BAR_WIDTH = 2.0
"""Pixels of a picture's or a panel's width, the axis included, that each bar has where the service chooses the step:
bars that are narrower can't be told apart."""
MIN_STEP_WIDTH = 1.0
"""Pixels that each step has where somebody asked for the step: of more steps than pixels some would hide others."""


def legible_period(
    start: Time | None,
    end: Time | None,
    step: str | None,
    zone: str,
    now: datetime,
    width: int,
    panels: int = 1,
    hours: OpenHours | None = None,
) -> Period:
    """The period that `from`, `until`, `step`, `hours` and `days` ask for, where without `step` the bars are legible in
    each of so many panels of this width. BadRequest names the parameter that is wrong."""
    return make_period(start, end, step, zone, now, min(width / LEGIBLE_BAR_WIDTH, MAX_BARS / panels) / 2, hours)


def visible(period: Period, plot: float) -> Period:
    """The same period in its own step, or in the next longer one that is a pixel wide in a plot of this width.
    BadRequest where steps can't be so long, since they have to begin within hours."""
    made = in_longer_steps(period, plot / MIN_STEP_WIDTH)
    if period.open is not None and made.count > plot / MIN_STEP_WIDTH:
        raise bad_parameter(
            "from",
            f"{made.count} steps of {made.step} are narrower than a pixel, and longer ones don't begin within hours; "
            "give a shorter period or a larger width",
        )
    return made


MOST_OF_COUNTERS = timedelta(days=31)
"""The longest period over which the increases of counters are shown, since they are computed from minutes."""


def check_increases(period: Period) -> None:
    """BadRequest where the period is too long for the increases of counters."""
    if period.end - period.start > MOST_OF_COUNTERS + timedelta(hours=2):  # clocks may change within
        raise bad_parameter("agg", f"increase is of at most {MOST_OF_COUNTERS.days} days; give a shorter period")


def check_bars(period: Period, panels: int = 1, style: Style = "bars") -> None:
    """BadRequest where the period has more steps than a picture of so many panels can show."""
    each_step = 1 if style == "target" else 2
    bars = each_step * period.count
    if panels * bars > MAX_BARS:
        each = f" in each of {panels} panels" if panels > 1 else ""
        most, is_longest = MAX_BARS // (each_step * panels), period.seconds == longest_step(period.open)
        short = "a longer step or a shorter period"
        if is_longest:
            short = "a shorter period" if period.open else f"a period of at most {most} years"
        raise bad_parameter(
            "from" if is_longest else "step",
            f"{bars} bars of {period.step}{each} are too many for a picture, "
            f"which has {MAX_BARS} at most; give {short}",
        )
